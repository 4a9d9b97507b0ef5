# Reference figures of two groups: Rscript tests/parity/comparison_groups/scripts/reference.R, from the root of the repository.
suppressPackageStartupMessages({
  library(epiR); library(coin); library(effectsize); library(ordinal); library(sandwich); library(survey); library(MatchIt)
})
here <- "tests/parity/comparison_groups"
rows <- list()
add <- function(data, term, what, value) rows[[length(rows) + 1]] <<- data.frame(data, term, what, value = unname(value))
save <- function(name) {
  out <- do.call(rbind, rows); out$value <- formatC(out$value, digits = 15, format = "g", width = 1)
  write.csv(out, file.path(here, "reference", name), row.names = FALSE, quote = FALSE); rows <<- list()
}
root <- function(f, a, b) uniroot(f, c(a, b), tol = 1e-14, maxiter = 5000)$root

# ---- shares from counts ----------------------------------------------------------------------------------------------
wilson <- function(x, n, level) suppressWarnings(prop.test(x, n, conf.level = level, correct = FALSE))$conf.int
tables <- list(c(48,80,56,70), c(3,10,9,10), c(2,7,6,7), c(0,29,5,56), c(1,34,7,34), c(15,72,0,16), c(4,14,9,13), c(127,129,745,748),
               c(12,40,20,35), c(30,85,45,85), c(5,199,15,199), c(10,10,7,12), c(0,20,10,10), c(61,90,64,80))
for (t in tables) for (level in c(0.95, 0.9)) {
  x0 <- t[1]; n0 <- t[2]; x1 <- t[3]; n1 <- t[4]; id <- paste(c(t, level), collapse = "-")
  w0 <- wilson(x0, n0, level); w1 <- wilson(x1, n1, level); p0 <- x0/n0; p1 <- x1/n1; d <- p1 - p0
  add(id, "newcombe", "low", d - sqrt((p1 - w1[1])^2 + (w0[2] - p0)^2)); add(id, "newcombe", "high", d + sqrt((w1[2] - p1)^2 + (p0 - w0[1])^2))
  k <- epiR:::zRRscore(c(x1, n1 - x1, x0, n0 - x0), level); if (x0 < n0 && x1 < n1) { add(id, "koopman", "low", k[2]); add(id, "koopman", "high", k[3]) }
  if (x0 + x1 > 0) { a <- epiR:::zARscore(c(x1, x0, n1 - x1, n0 - x0), level, 1); add(id, "mee_epiR", "low", a[2]); add(id, "mee_epiR", "high", a[3]) }
  m <- matrix(c(x1, n1 - x1, x0, n0 - x0), 2, byrow = TRUE)
  for (side in c("two.sided", "greater", "less")) add(id, paste0("fisher_", side), "p", fisher.test(m, alternative = side)$p.value)
  f <- dhyper(max(0, x0+x1-n0):min(n1, x0+x1), n1, n0, x0 + x1); o <- dhyper(x1, n1, n0, x0 + x1)
  same <- abs(f/o - 1) < 1e-7; add(id, "fisher_mid_p", "p", sum(f[f < o & !same]) + 0.5 * sum(f[same]))
  ct <- suppressWarnings(prop.test(c(x1, x0), c(n1, n0), correct = FALSE)); add(id, "chi_squared", "statistic", ct$statistic); add(id, "chi_squared", "p", ct$p.value)
  s <- max(0, x0+x1-n0):min(n1, x0+x1); law <- function(th) { l <- dhyper(s, n1, n0, x0+x1, log = TRUE) + s * th; l <- exp(l - max(l)); l/sum(l) }
  if (x1 > min(s)) add(id, "conditional", "low", exp(root(function(th) sum(law(th)[s >= x1]) - (1-level)/2, -60, 60)))
  if (x1 < max(s)) add(id, "conditional", "high", exp(root(function(th) sum(law(th)[s <= x1]) - (1-level)/2, -60, 60)))
  if (x1 > min(s) && x1 < max(s)) add(id, "conditional", "estimate", exp(root(function(th) sum(law(th) * s) - x1, -60, 60)))
  # Score statistics from glm: offsets make the hypothesis, Rao's score test with fitted shares the statistic.
  odds_z <- function(psi) { g <- glm(cbind(c(x0, x1), c(n0 - x0, n1 - x1)) ~ 1, offset = c(0, log(psi)), family = binomial, control = list(epsilon = 1e-15, maxit = 100))
    p <- fitted(g); (x1 - n1*p[2]) * sqrt(sum(1/(c(n0, n1)*p*(1-p)))) }
  if (x0 > 0 && x0 < n0 && x1 > 0 && x1 < n1) for (factor in c(1, (n0+n1)/(n0+n1-1))) {
    name <- if (factor == 1) "cornfield" else "mn_odds"; z <- qnorm((1+level)/2) * sqrt(factor); psi <- log(p1/(1-p1)/(p0/(1-p0)))
    add(id, name, "low", exp(root(function(t) odds_z(exp(t)) - z, psi - 6, psi))); add(id, name, "high", exp(root(function(t) odds_z(exp(t)) + z, psi, psi + 6)))
  }
  # Differences: the restricted share by Farrington and Manning's closed cubic.
  fm_z <- function(s0) { th <- n0/n1; a <- 1 + th; b <- -(1 + th + p1 + th*p0 + s0*(th + 2)); cc <- s0^2 + s0*(2*p1 + th + 1) + p1 + th*p0; dd <- -p1*s0*(1 + s0)
    v <- b^3/(3*a)^3 - b*cc/(6*a^2) + dd/(2*a); u <- sign(v) * sqrt(max(b^2/(3*a)^2 - cc/(3*a), 0)); if (u == 0) u <- 1e-300; r <- min(max(v/u^3, -1), 1); w <- (pi + acos(r))/3
    q1 <- 2*u*cos(w) - b/(3*a); q0 <- q1 - s0; q1 <- min(max(q1, 0), 1); q0 <- min(max(q0, 0), 1); (d - s0)/sqrt(q1*(1-q1)/n1 + q0*(1-q0)/n0) }
  if (x0 > 0 && x0 < n0 && x1 > 0 && x1 < n1) {
    for (factor in c(1, (n0+n1)/(n0+n1-1))) { name <- if (factor == 1) "mee" else "mn_difference"; z <- qnorm((1+level)/2) * sqrt(factor)
      add(id, name, "low", root(function(s) fm_z(s) - z, -1 + 1e-9, d)); add(id, name, "high", root(function(s) fm_z(s) + z, d, 1 - 1e-9)) }
    for (margin in c(-0.1, 0.15)) add(id, "farrington_manning", margin, pnorm(fm_z(margin), lower.tail = margin > 0))
  }
  if ((n0+1)*(n1+1) < 1000 && level == 0.95) {
    p_of <- outer(0:n0, 0:n1, Vectorize(function(a, b) fisher.test(matrix(c(b, n1-b, a, n0-a), 2, byrow = TRUE))$p.value))
    hit <- p_of <= fisher.test(m)$p.value * (1 + 1e-7); size <- function(p) sum(outer(dbinom(0:n0, n0, p), dbinom(0:n1, n1, p))[hit])
    grid <- seq(0, 1, length.out = 2001); h <- sapply(grid, size); i <- which.max(h)
    add(id, "boschloo", "p", max(h, optimize(size, grid[c(max(i-1,1), min(i+1,2001))], maximum = TRUE, tol = 1e-12)$objective))
  }
}
save("shares.csv")

# ---- numbers, categories and counts of people --------------------------------------------------------------------------
read <- function(name) read.csv(file.path(here, "inputs", paste0(name, ".csv")))
data <- list(trial = read("trial"), people = read("people"), few = read("few"))
outcomes <- list(trial = c(number = "re78", ordered = "quarter", count = "quarter"), people = c(number = "score", ordered = "answer", count = "contacts"),
                 few = c(number = "score", ordered = "answer", count = "contacts"))
for (name in names(data)) {
  d <- data[[name]]; o <- outcomes[[name]]; y <- d[[o["number"]]]; g <- d$treat; x0 <- y[g == 0]; x1 <- y[g == 1]
  w <- t.test(x1, x0); add(name, "welch", "estimate", mean(x1) - mean(x0)); add(name, "welch", "std_error", w$stderr); add(name, "welch", "df", w$parameter)
  add(name, "welch", "p", w$p.value); add(name, "welch", "low", w$conf.int[1]); add(name, "welch", "high", w$conf.int[2])
  add(name, "welch", "p_greater", t.test(x1, x0, alternative = "greater")$p.value); add(name, "welch", "p_less", t.test(x1, x0, alternative = "less")$p.value)
  add(name, "welch", "above", t.test(x1, x0, mu = -1, alternative = "greater")$p.value); add(name, "welch", "below", t.test(x1, x0, mu = 1.5, alternative = "less")$p.value)
  h <- hedges_g(x1, x0); add(name, "hedges_g", "estimate", h$Hedges_g); add(name, "hedges_g", "low", h$CI_low); add(name, "hedges_g", "high", h$CI_high)
  fac <- factor(g, levels = c(1, 0))
  if (name != "trial") for (side in c("two.sided", "greater", "less")) {
    add(name, "permutation", side, pvalue(oneway_test(y ~ fac, distribution = "exact", alternative = side)))
    add(name, "mann_whitney", side, pvalue(wilcox_test(y ~ fac, distribution = "exact", alternative = side)))
  }
  q <- d[[o["ordered"]]]; f <- factor(q, ordered = TRUE)
  c1 <- clm(f ~ g, control = clm.control(gradTol = 1e-12, maxIter = 200)); b <- coef(summary(c1))["g", ]
  add(name, "proportional_odds", "estimate", b[1]); add(name, "proportional_odds", "std_error", b[2]); add(name, "proportional_odds", "log_likelihood", c(logLik(c1)))
  tab <- table(g, q); full <- sum(ifelse(tab > 0, tab * log(tab / rowSums(tab)), 0)); add(name, "proportional_odds", "lack_of_fit", 2 * (full - c(logLik(c1))))
  s <- t.test(q[g == 1], q[g == 0]); add(name, "score_difference", "estimate", mean(q[g == 1]) - mean(q[g == 0])); add(name, "score_difference", "p", s$p.value)
  add(name, "score_permutation", "two.sided", pvalue(oneway_test(q ~ fac, distribution = "exact")))
  if (name != "trial") {
    tab <- table(d$treat, d$path); ch <- suppressWarnings(chisq.test(tab, correct = FALSE)); add(name, "nominal", "statistic", ch$statistic); add(name, "nominal", "p", ch$p.value)
    add(name, "nominal", "fisher", fisher.test(tab, workspace = 2e7)$p.value)
    p <- apply(tab, 2, function(k) fisher.test(cbind(k, rowSums(tab) - k))$p.value); for (k in names(p)) add(name, "holm", k, p.adjust(p, "holm")[k])
  }
  e <- if (name == "trial") rep(1, nrow(d)) else d$months; k <- d[[o["count"]]]
  pt <- poisson.test(c(sum(k[g == 1]), sum(k[g == 0])), c(sum(e[g == 1]), sum(e[g == 0])))
  add(name, "rate_exact", "estimate", pt$estimate); add(name, "rate_exact", "low", pt$conf.int[1]); add(name, "rate_exact", "high", pt$conf.int[2]); add(name, "rate_exact", "p", pt$p.value)
  for (r in c(0.8, 1.25)) add(name, "rate_margin", r, poisson.test(c(sum(k[g == 1]), sum(k[g == 0])), c(sum(e[g == 1]), sum(e[g == 0])), r = r, alternative = if (r < 1) "greater" else "less")$p.value)
  gl <- glm(k ~ g, offset = log(e), family = quasipoisson, control = list(epsilon = 1e-15, maxit = 100)); b <- coef(summary(gl))["g", ]
  add(name, "quasi_poisson", "estimate", b[1]); add(name, "quasi_poisson", "std_error", b[2]); add(name, "quasi_poisson", "p", b[4])
  v <- vcovHC(gl, type = "HC2"); add(name, "rate_hc2", "std_error", sqrt(v["g", "g"]))
}
save("people.csv")

# ---- samples drawn with weights ------------------------------------------------------------------------------------------
options(survey.lonely.psu = "fail")
plans <- function(d, name) c(list(weights = svydesign(ids = ~1, weights = ~weight, data = d)), if (name != "trial") list(
  clusters = svydesign(ids = ~cluster, weights = ~weight, data = d), strata = svydesign(ids = ~cluster, strata = ~stratum, weights = ~weight, data = d)))
for (name in c("trial", "people")) {
  d <- data[[name]]; d$g <- factor(d$treat); d$yes <- if (name == "trial") d$employed else d$placed; d$number <- if (name == "trial") d$re78 else d$score
  d$untied <- d$number + seq_len(nrow(d)) * 1e-6
  d$months <- if (name == "trial") 1 else d$months; d$count <- if (name == "trial") d$quarter else d$contacts
  for (plan in names(plans(d, name))) {
    s <- plans(d, name)[[plan]]; id <- paste(name, plan)
    t <- svyttest(number ~ g, s); add(id, "mean_difference", "estimate", t$estimate[1]); add(id, "mean_difference", "p", t$p.value); add(id, "mean_difference", "df", t$parameter)
    add(id, "mean_difference", "statistic", t$statistic); ci <- confint(t); add(id, "mean_difference", "low", ci[1]); add(id, "mean_difference", "high", ci[2])
    t <- svyttest(yes ~ g, s); add(id, "share_difference", "estimate", t$estimate[1]); add(id, "share_difference", "p", t$p.value); add(id, "share_difference", "statistic", t$statistic)
    # With ties svyranktest's places depend on the order of the rows: it is asked where there are none.
    r <- svyranktest(untied ~ g, s); add(id, "rank", "estimate", r$estimate); add(id, "rank", "p", r$p.value); add(id, "rank", "statistic", r$statistic); add(id, "rank", "df", r$parameter)
    lg <- suppressWarnings(svyglm(yes ~ g, s, family = quasibinomial, epsilon = 1e-15, maxit = 100)); b <- coef(summary(lg))["g1", ]; add(id, "odds", "estimate", b[1]); add(id, "odds", "std_error", b[2])
    if (name == "people") { b <- svyby(~path, ~g, s, svymean, covmat = TRUE); k <- length(unique(d$path)) - 1; m <- coef(b); v <- vcov(b); a <- matrix(0, k, 2 * (k + 1))
      lev <- sort(unique(d$path))[1:k]; for (i in 1:k) { a[i, match(paste0("0:path", lev[i]), names(m))] <- -1; a[i, match(paste0("1:path", lev[i]), names(m))] <- 1 }
      gap <- a %*% m; nu <- degf(s) - 1; f <- drop(t(gap) %*% solve(a %*% v %*% t(a)) %*% gap) * (nu - k + 1) / (k * nu)
      add(id, "wald_f", "statistic", f); add(id, "wald_f", "p", pf(f, k, nu - k + 1, lower.tail = FALSE)) }
    m <- svyby(~yes, ~g, s, svymean, covmat = TRUE); rr <- svycontrast(m, quote(log(`1` / `0`))); add(id, "risk_ratio", "estimate", coef(rr)); add(id, "risk_ratio", "std_error", SE(rr))
    for (k in 0:1) { sub <- subset(s, treat == k)
      a <- svyciprop(~yes, sub, method = "logit"); add(id, paste0("logit_", k), "low", confint(a)[1]); add(id, paste0("logit_", k), "high", confint(a)[2])
      a <- svyciprop(~yes, sub, method = "beta"); add(id, paste0("beta_", k), "low", confint(a)[1]); add(id, paste0("beta_", k), "high", confint(a)[2])
      mm <- svymean(~number, sub); add(id, paste0("mean_", k), "estimate", coef(mm)); add(id, paste0("mean_", k), "std_error", SE(mm))
      q <- svyratio(~count, ~months, sub); add(id, paste0("rate_", k), "estimate", coef(q)); add(id, paste0("rate_", k), "std_error", c(SE(q))) }
    pg <- suppressWarnings(svyglm(count ~ g + offset(log(months)), s, family = quasipoisson, epsilon = 1e-15, maxit = 100)); b <- coef(summary(pg))["g1", ]; add(id, "rate_ratio", "estimate", b[1]); add(id, "rate_ratio", "std_error", b[2])
  }
}
save("survey.csv")

# ---- balance ---------------------------------------------------------------------------------------------------------------
covariates <- list(trial = c("age", "educ", "black", "re74", "marr"), people = c("age", "months", "contacts", "placed"))
for (name in names(covariates)) {
  d <- data[[name]]; f <- reformulate(covariates[[name]], "treat")
  m <- matchit(f, d, method = NULL, estimand = "ATE"); s <- summary(m, standardize = TRUE)$sum.all
  for (v in covariates[[name]]) { add(name, v, "smd_before", s[v, "Std. Mean Diff."]); add(name, v, "variance_ratio", s[v, "Var. Ratio"]); add(name, v, "mean_other", s[v, "Means Treated"]); add(name, v, "mean_reference", s[v, "Means Control"]) }
  m <- matchit(f, d, method = "subclass", subclass = 4, estimand = "ATE"); s <- summary(m, standardize = TRUE)$sum.across
  for (i in seq_along(m$weights)) add(name, "weights", i, m$weights[i])
  for (v in covariates[[name]]) { add(name, v, "smd_after", s[v, "Std. Mean Diff."]); add(name, v, "mean_other_after", s[v, "Means Treated"]); add(name, v, "mean_reference_after", s[v, "Means Control"]); add(name, v, "variance_ratio_after", s[v, "Var. Ratio"]) }
}
save("balance.csv")
