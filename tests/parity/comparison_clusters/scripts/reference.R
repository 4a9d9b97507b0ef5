# Reference numbers of clusters: R 4.2.2 with clubSandwich, sandwich, estimatr, coin, exactRankTests, psych, nlme (run, not copied), and
# plain enumerations. Run from the root of the repository; writes reference/*.csv.
suppressMessages({
  library(clubSandwich); library(sandwich); library(estimatr); library(coin); library(exactRankTests); library(psych); library(nlme)
})
here <- "tests/parity/comparison_clusters/"
table_of <- function(name) read.csv(paste0(here, "inputs/", name, ".csv"))
out <- NULL
add <- function(fit, kind, term, ...) {
  v <- list(...)
  out <<- rbind(out, data.frame(fit = fit, kind = kind, term = term, column = names(v), value = unlist(v), row.names = NULL))
}
save_as <- function(name) {
  out$value <<- formatC(out$value, digits = 16, format = "g", width = 1)
  write.csv(out, paste0(here, "reference/", name, ".csv"), row.names = FALSE, quote = FALSE)
  out <<- NULL
}
tight <- glm.control(epsilon = 1e-15, maxit = 200)
hiv <- table_of("hiv"); insure <- table_of("insure"); castle <- table_of("castle"); seeded <- table_of("seeded")
few <- table_of("few"); lot <- table_of("lot"); waves <- table_of("waves")

# ---- clubSandwich ---------------------------------------------------------------------------------------------------
fits <- list(
  hiv = list(lm(got ~ any + distvct + age, hiv), hiv$villnum, 2:4),
  hiv_weighted = list(lm(got ~ any + distvct, hiv, weights = weight), hiv$villnum, 2:3),
  hiv_logit = list(glm(got ~ any + distvct + age, binomial, hiv, control = tight), hiv$villnum, 2:4),
  insure = list(lm(takeup_survey ~ intensive + male + age, insure), insure$village, 2:4),
  insure_logit = list(glm(takeup_survey ~ intensive + literacy, binomial, insure, control = tight), insure$village, 2:3),
  castle = list(lm(lhomicide ~ post + poverty + factor(sid) + factor(year), castle), castle$sid, 2:3),
  castle_weighted = list(lm(lhomicide ~ post + poverty + factor(sid) + factor(year), castle, weights = popwt), castle$sid, 2:3),
  seeded = list(lm(y ~ treat + x, seeded), seeded$site, 2:3),
  seeded_weighted = list(lm(y ~ treat + x, seeded, weights = weight), seeded$site, 2:3),
  seeded_logit = list(glm(b ~ treat + x, binomial, seeded, control = tight), seeded$site, 2:3),
  seeded_log = list(glm(k ~ treat + x, poisson, seeded, control = tight), seeded$site, 2:3),
  seeded_log_weighted = list(glm(k ~ treat + x, poisson, seeded, weights = weight, control = tight), seeded$site, 2:3),
  few = list(lm(y ~ treat + x, few), few$site, 2:3)
)
for (name in names(fits)) for (kind in c("CR0", "CR1", "CR1S", "CR2", "CR3")) {
  if (kind == "CR3" && grepl("castle", name)) next  # I - H is singular: clubSandwich stops
  fit <- fits[[name]][[1]]; used <- fits[[name]][[3]]
  v <- vcovCR(fit, cluster = fits[[name]][[2]], type = kind)
  test <- coef_test(fit, vcov = v, test = "Satterthwaite")
  for (k in used) add(name, kind, names(coef(fit))[k], estimate = unname(coef(fit)[k]), std_error = test$SE[k],
    df = if ("df_Satt" %in% names(test)) test$df_Satt[k] else test$df[k],
    p_value = if ("p_Satt" %in% names(test)) test$p_Satt[k] else test$p_val[k])
  wald <- Wald_test(fit, constraints = constrain_zero(used), vcov = v, test = "HTZ")
  add(name, kind, "all", statistic = wald$Fstat, df = wald$df_denom, p_value = wald$p_val)
}
# full blocks: compound symmetry
fit <- gls(y ~ wave + treat, waves, correlation = corCompSymm(form = ~ 1 | person))
rho <- coef(fit$modelStruct$corStruct, unconstrained = FALSE)
for (kind in c("CR0", "CR1", "CR2", "CR3")) {
  v <- vcovCR(fit, type = kind); test <- coef_test(fit, vcov = v, test = "Satterthwaite")
  for (k in 2:3) add("gls", kind, names(coef(fit))[k], estimate = unname(coef(fit)[k]), std_error = test$SE[k], df = if ("df_Satt" %in% names(test)) test$df_Satt[k] else test$df[k])
  wald <- Wald_test(fit, constraints = constrain_zero(2:3), vcov = v, test = "HTZ")
  add("gls", kind, "all", statistic = wald$Fstat, df = wald$df_denom, p_value = wald$p_val)
}
add("gls", "", "rho", estimate = unname(rho), std_error = fit$sigma)
# Kauermann-Carroll by its definition, (I - H)^(-1/2) from the eigenvectors of a matrix that is not symmetric
kc <- function(x, e, w_list, cluster) {
  groups <- split(seq_along(cluster), factor(cluster, unique(cluster)))
  bread <- solve(Reduce(`+`, Map(function(i, w) t(x[i, , drop = FALSE]) %*% w %*% x[i, , drop = FALSE], groups, w_list)))
  meat <- Reduce(`+`, Map(function(i, w) {
    d <- x[i, , drop = FALSE]; ih <- diag(length(i)) - d %*% bread %*% t(d) %*% w
    s <- eigen(ih); a <- Re(s$vectors %*% diag(1 / sqrt(s$values), length(i)) %*% solve(s$vectors))
    tcrossprod(t(d) %*% w %*% a %*% e[i])
  }, groups, w_list))
  sqrt(diag(bread %*% meat %*% bread))
}
x <- model.matrix(y ~ wave + treat, waves)
w_list <- lapply(split(waves$person, waves$person), function(p) solve(fit$sigma^2 * (diag(1 - rho, length(p)) + rho)))
se <- kc(x, waves$y - x %*% coef(fit), w_list, waves$person)
for (k in 2:3) add("gls", "KC", colnames(x)[k], std_error = unname(se[k]))
# people on their own
for (name in c("hiv", "hiv_weighted", "seeded", "seeded_weighted")) {
  fit <- fits[[name]][[1]]
  for (kind in c("HC0", "HC1", "HC2", "HC3")) for (k in fits[[name]][[3]])
    add(name, kind, names(coef(fit))[k], std_error = sqrt(diag(vcovHC(fit, type = kind)))[[k]])
  test <- coef_test(fit, vcov = vcovCR(fit, cluster = seq_len(nobs(fit)), type = "CR2"), test = "Satterthwaite")
  for (k in fits[[name]][[3]]) add(name, "HC2_sampling", names(coef(fit))[k], std_error = test$SE[k],
    df = if ("df_Satt" %in% names(test)) test$df_Satt[k] else test$df[k])
}
for (name in c("hiv", "seeded", "seeded_weighted")) for (k in fits[[name]][[3]])
  add(name, "CL1", names(coef(fits[[name]][[1]]))[k],
    std_error = sqrt(diag(vcovCL(fits[[name]][[1]], cluster = fits[[name]][[2]], type = "HC1", cadjust = TRUE)))[[k]])
# estimatr
for (kind in c("CR0", "CR2", "stata")) {
  m <- lm_robust(got ~ any + distvct + age, hiv, clusters = villnum, se_type = kind)
  for (k in 2:4) add("estimatr_hiv", kind, names(m$coefficients)[k], estimate = unname(m$coefficients[k]), std_error = unname(m$std.error[k]),
    df = unname(m$df[k]), conf_low = unname(m$conf.low[k]), conf_high = unname(m$conf.high[k]))
}
m <- difference_in_means(y ~ treat, seeded, clusters = site)
add("estimatr_seeded", "CR2", "treat", estimate = unname(m$coefficients), std_error = unname(m$std.error), df = unname(m$df),
  p_value = unname(m$p.value), conf_low = unname(m$conf.low), conf_high = unname(m$conf.high))
save_as("regression")

# ---- draws by lot ---------------------------------------------------------------------------------------------------
lot$g <- factor(lot$treat); lot$stratum <- factor(lot$stratum)
lot$r <- ave(lot$y, lot$stratum, FUN = rank)  # coin ranks over all strata unless told
sides <- c("two.sided", "less", "greater")  # coin counts from the first level
for (side in sides) {
  p <- function(t) as.numeric(pvalue(t))
  ours <- c(two.sided = "two-sided", less = "greater", greater = "less")[side]
  add("lot_y", "difference", ours, p_value = p(oneway_test(y ~ g, lot, distribution = "exact", alternative = side)))
  add("lot_y", "rank_sum", ours, p_value = p(wilcox_test(y ~ g, lot, distribution = "exact", alternative = side)))
  add("lot_share", "difference", ours, p_value = p(oneway_test(share ~ g, lot, distribution = "exact", alternative = side)))
  add("lot_smooth", "rank_sum", ours, p_value = p(wilcox_test(smooth ~ g, lot, distribution = "exact", alternative = side)))
}
strata_ok <- with(lot, tapply(treat, stratum, mean))
add("lot", "shares", paste(names(strata_ok), collapse = "-"), least = min(strata_ok), most = max(strata_ok))
add("lot_strata", "difference", "two-sided", p_value = as.numeric(pvalue(oneway_test(y ~ g | stratum, lot, distribution = "exact"))))
add("lot_strata", "rank_sum", "two-sided", p_value = as.numeric(pvalue(oneway_test(r ~ g | stratum, lot, distribution = "exact"))))
ci <- wilcox.test(lot$smooth[lot$treat == 1], lot$smooth[lot$treat == 0], conf.int = TRUE, exact = TRUE)
add("lot_smooth", "rank_sum", "interval", conf_low = ci$conf.int[1], conf_high = ci$conf.int[2])
ci <- wilcox.exact(lot$smooth[lot$treat == 1], lot$smooth[lot$treat == 0], conf.int = TRUE, exact = TRUE)
add("lot_smooth", "exactRankTests", "interval", conf_low = ci$conf.int[1], conf_high = ci$conf.int[2])
m <- difference_in_means(smooth ~ treat, lot, blocks = stratum)
add("lot_blocks", "difference", "estimate", estimate = unname(m$coefficients))
# by enumeration: every way to treat four of eight sites; pairs of sites; and shifts that are not rejected
every <- t(combn(8, 4, function(k) as.integer(0:7 %in% (k - 1))))
statistic <- function(y, z, kind) {
  m1 <- mean(y[z == 1]); m0 <- mean(y[z == 0])
  if (kind == "difference") return(m1 - m0)
  v <- 0
  for (arm in 0:1) {
    s <- tapply(y[z == arm], few$site[z == arm], sum); n <- tapply(y[z == arm], few$site[z == arm], length); k <- length(s)
    v <- v + k / (k - 1) * sum((s - mean(y[z == arm]) * n)^2) / sum(n)^2
  }
  (m1 - m0) / sqrt(v)
}
p_at <- function(shift, kind, draws) {
  y <- few$y - shift * few$treat
  t <- apply(draws, 1, function(d) statistic(y, d[few$site + 1], kind))
  mean(abs(t) >= abs(statistic(y, few$treat, kind)) - 1e-9)
}
edge <- function(from, to, kind, draws, alpha) {  # from: kept, to: rejected
  for (i in 1:60) { mid <- (from + to) / 2; if (p_at(mid, kind, draws) > alpha) from <- mid else to <- mid }
  from
}
for (kind in c("difference", "studentised")) {
  d <- mean(few$y[few$treat == 1]) - mean(few$y[few$treat == 0])
  add("few_cluster", kind, "two-sided", estimate = d, statistic = statistic(few$y, few$treat, kind), p_value = p_at(0, kind, every))
  add("few_cluster", kind, "interval", conf_low = edge(d, d - 30, kind, every, 0.1), conf_high = edge(d, d + 30, kind, every, 0.1))
}
save_as("lots")

# ---- wild cluster bootstrap by enumeration --------------------------------------------------------------------------
cr_t <- function(y, x, cluster, k, null) {
  b <- solve(crossprod(x), crossprod(x, y)); e <- y - x %*% b; m <- solve(crossprod(x))
  s <- rowsum(x * c(e), cluster); (b[k] - null) / sqrt((m %*% crossprod(s) %*% m)[k, k])
}
wild_p <- function(y, x, cluster, k, null) {
  groups <- sort(unique(cluster)); others <- x[, -k, drop = FALSE]
  fitted <- others %*% solve(crossprod(others), crossprod(others, y - null * x[, k])) + null * x[, k]; u <- y - fitted
  signs <- as.matrix(expand.grid(rep(list(c(-1, 1)), length(groups))))
  t0 <- abs(cr_t(y, x, cluster, k, null))
  t <- apply(signs, 1, function(v) abs(cr_t(fitted + u * v[match(cluster, groups)], x, cluster, k, null)))
  c(mean(t >= t0 * (1 - 1e-9)), mean(t >= max(t) * (1 - 1e-9)))
}
wild_edge <- function(from, to, y, x, cluster, k, alpha) {
  for (i in 1:45) { mid <- (from + to) / 2; if (wild_p(y, x, cluster, k, mid)[1] > alpha) from <- mid else to <- mid }
  from
}
for (case in list(list("few", few, few$site, c("treat", "x")), list("seeded", seeded, seeded$site, c("treat", "x")),
                  list("castle", subset(castle, sid <= 8), subset(castle, sid <= 8)$sid, c("post", "poverty")))) {
  data <- case[[2]]; y <- if (case[[1]] == "castle") data$lhomicide else data$y
  x <- cbind(1, as.matrix(data[, case[[4]]]))
  for (k in 2:3) {
    p <- wild_p(y, x, case[[3]], k, 0); b <- solve(crossprod(x), crossprod(x, y))[k]; h <- wild_p(y, x, case[[3]], k, 0.25)
    se <- abs(b / cr_t(y, x, case[[3]], k, 0))
    add(case[[1]], "rademacher", case[[4]][k - 1], estimate = b, p_value = p[1], p_floor = p[2], p_quarter = h[1])
    if (case[[1]] == "few") add(case[[1]], "rademacher", case[[4]][k - 1], conf_low = wild_edge(b, b - 16 * se, y, x, case[[3]], k, 0.1), conf_high = wild_edge(b, b + 16 * se, y, x, case[[3]], k, 0.1))
  }
}
save_as("wild")

# ---- intracluster correlation ---------------------------------------------------------------------------------------
wide <- reshape(castle[castle$year <= 2004, c("sid", "year", "lhomicide")], idvar = "sid", timevar = "year", direction = "wide")
i <- ICC(wide[, -1], lmer = FALSE)$results[1, ]
add("castle", "icc", "balanced", estimate = i$ICC, conf_low = i[["lower bound"]], conf_high = i[["upper bound"]])
for (case in list(list("hiv", hiv$got, hiv$villnum), list("seeded", seeded$y, seeded$site))) {
  a <- anova(lm(case[[2]] ~ factor(case[[3]])))[["Mean Sq"]]; n <- table(case[[3]])
  n0 <- (sum(n) - sum(n^2) / sum(n)) / (length(n) - 1)
  add(case[[1]], "icc", "anova", estimate = (a[1] - a[2]) / (a[1] + (n0 - 1) * a[2]))
}
save_as("alike")
