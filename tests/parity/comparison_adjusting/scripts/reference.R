# Reference numbers of MatchIt (GPL), Matching (GPL), estimatr (MIT), sandwich and clubSandwich (GPL), which are run, not copied; estimating
# equations stacked and differentiated by numDeriv (GPL). From the root: Rscript tests/parity/comparison_adjusting/scripts/reference.R
suppressMessages({library(MatchIt); library(Matching); library(estimatr); library(sandwich); library(clubSandwich); library(numDeriv)})
here <- "tests/parity/comparison_adjusting"
input <- function(name) read.csv(file.path(here, "inputs", paste0(name, ".csv")))
put <- function(frame, name) {
  for (column in names(frame)) if (is.numeric(frame[[column]]))
    frame[[column]] <- ifelse(is.na(frame[[column]]), "", sprintf("%.15g", frame[[column]]))
  write.csv(frame, file.path(here, "reference", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
}
nsw <- input("nsw"); nhefs <- input("nhefs"); mixed <- input("mixed")
cases <- list(
  nsw = list(d = nsw, t = "treat", y = "re78", f = ~ age + educ + black + hisp + marr + nodegree + re74 + re75, binary = FALSE),
  nhefs = list(d = nhefs, t = "qsmk", y = "wt82_71", binary = FALSE,
    f = ~ sex + race + age + I(age^2) + factor(education) + smokeintensity + I(smokeintensity^2) + smokeyrs + I(smokeyrs^2) + factor(exercise) + factor(active) + wt71 + I(wt71^2)),
  nhefs_yes = list(d = nhefs, t = "qsmk", y = "gained", f = ~ sex + race + age + smokeyrs + wt71, binary = TRUE),
  mixed = list(d = mixed, t = "arm", y = "wage", f = ~ age + site + score, binary = FALSE),
  mixed_yes = list(d = mixed, t = "arm", y = "placed", f = ~ age + site + score, binary = TRUE),
  mixed_weighted = list(d = mixed, t = "arm", y = "wage", f = ~ age + site + score, binary = FALSE, s = "weight"),
  mixed_clustered = list(d = mixed, t = "arm", y = "placed", f = ~ age + site + score, binary = TRUE, c = "cluster"))

# ---- linear regressions: estimatr, sandwich, clubSandwich ------------------------------------------------------------
lines <- list()
for (name in c("nsw", "nhefs", "mixed")) {
  k <- cases[[name]]; t <- k$d[[k$t]]; y <- k$d[[k$y]]; x <- scale(model.matrix(k$f, k$d)[, -1], scale = TRUE)
  d <- data.frame(y = y, t = t, x)
  made <- lm_lin(y ~ t, covariates = as.formula(paste("~", paste(names(d)[-(1:2)], collapse = "+"))), data = d, se_type = "HC2")
  for (who in c("ate", "att", "atc")) {
    z <- sweep(x, 2, colMeans(x[switch(who, ate = t >= 0, att = t == 1, atc = t == 0), ]))
    fit <- lm(y ~ t * z)
    se <- sqrt(vcovHC(fit, "HC2")["t", "t"])
    test <- coef_test(fit, vcovCR(fit, cluster = seq_along(y), type = "CR2"), coefs = "t", test = "Satterthwaite")
    if (who == "ate") stopifnot(abs(made$coefficients["t"] / coef(fit)["t"] - 1) < 1e-9, abs(made$std.error["t"] / se - 1) < 1e-9)
    lines[[paste(name, who)]] <- data.frame(data = name, method = "regression", part = who, estimate = coef(fit)["t"], std_error = se, df = test$df)
  }
  fit <- lm(y ~ t + x)
  test <- coef_test(fit, vcovCR(fit, cluster = seq_along(y), type = "CR2"), coefs = "t", test = "Satterthwaite")
  lines[[paste(name, "ancova")]] <- data.frame(data = name, method = "ancova", part = "common", estimate = coef(fit)["t"],
    std_error = sqrt(vcovHC(fit, "HC2")["t", "t"]), df = test$df)
}
x <- scale(model.matrix(cases$mixed$f, mixed)[, -1]); z <- sweep(x, 2, colMeans(x[mixed$arm == 1, ]))
fit <- lm(wage ~ arm * z, mixed)
test <- coef_test(fit, vcovCR(fit, cluster = mixed$cluster, type = "CR2"), coefs = "arm", test = "Satterthwaite")
lines$clustered <- data.frame(data = "mixed_wage_clustered", method = "regression", part = "att", estimate = test$beta, std_error = test$SE, df = test$df)
put(do.call(rbind, lines), "lines")

# ---- stacked estimating equations ------------------------------------------------------------------------------------
weights_of <- function(e, who) switch(who, ate = list(1 / e, 1 / (1 - e)), att = list(1 + 0 * e, e / (1 - e)),
  atc = list((1 - e) / e, 1 + 0 * e), ato = list(1 - e, e))
solved <- function(psi, theta) {
  for (i in 1:60) {
    g <- colSums(psi(theta)); step <- qr.solve(jacobian(function(th) colSums(psi(th)), theta), g)
    theta <- theta - step
    if (max(abs(step) / (1 + abs(theta))) < 1e-11) break
  }
  theta
}
answer <- function(psi, theta, cluster = NULL) {
  theta <- solved(psi, theta); p <- psi(theta); q <- length(theta)
  a <- jacobian(function(th) colSums(psi(th)), theta)
  moved <- -p %*% t(solve(a))
  if (!is.null(cluster)) moved <- rowsum(moved, cluster)
  n <- nrow(moved); m1 <- theta[q - 1]; m0 <- theta[q]
  se <- function(v) sqrt(n / (n - 1) * sum(v^2))
  c(difference = m1 - m0, se = se(moved[, q - 1] - moved[, q]), log_ratio = if (m1 > 0 && m0 > 0) log(m1 / m0) else NA,
    se_log = se(moved[, q - 1] / m1 - moved[, q] / m0))
}
stacked <- list()
for (name in names(cases)) {
  k <- cases[[name]]; t <- k$d[[k$t]]; y <- k$d[[k$y]]; x <- cbind(1, scale(model.matrix(k$f, k$d)[, -1])); p <- ncol(x)
  s <- if (is.null(k$s)) rep(1, length(y)) else k$d[[k$s]]
  cluster <- if (is.null(k$c)) NULL else k$d[[k$c]]
  link <- if (k$binary) plogis else identity
  score <- coef(suppressWarnings(glm(t ~ x - 1, family = binomial, weights = s, control = list(epsilon = 1e-14))))
  outcome <- function(rows) coef(suppressWarnings(if (k$binary) glm(y[rows] ~ x[rows, ] - 1, family = binomial, weights = s[rows]) else lm(y[rows] ~ x[rows, ] - 1, weights = s[rows])))
  b1 <- outcome(t == 1); b0 <- outcome(t == 0)
  for (who in c("ate", "att", "atc", "ato")) {
    target <- switch(who, ate = rep(1, length(t)), att = t, atc = 1 - t, ato = NA)
    start <- rep(mean(y), 2)
    iptw <- function(th) {
      e <- plogis(drop(x %*% th[1:p])); w <- weights_of(e, who)
      cbind(s * (t - e) * x, s * t * w[[1]] * (y - th[p + 1]), s * (1 - t) * w[[2]] * (y - th[p + 2]))
    }
    add <- function(method, found) stacked[[length(stacked) + 1]] <<- data.frame(data = name, method = method, part = who, t(found))
    add(if (who == "ato") "overlap_weights" else "iptw", answer(iptw, c(score, start), cluster))
    if (who == "ato") next
    aipw <- function(th) {
      e <- plogis(drop(x %*% th[1:p])); w <- weights_of(e, who)
      m1 <- link(drop(x %*% th[p + 1:p])); m0 <- link(drop(x %*% th[2 * p + 1:p]))
      cbind(s * (t - e) * x, s * t * (y - m1) * x, s * (1 - t) * (y - m0) * x,
            s * (target * (m1 - th[3 * p + 1]) + t * w[[1]] * (y - m1)), s * (target * (m0 - th[3 * p + 2]) + (1 - t) * w[[2]] * (y - m0)))
    }
    add("aipw", answer(aipw, c(score, b1, b0, start), cluster))
    if (k$binary) {
      both <- cbind(x, t)
      b <- coef(glm(y ~ both - 1, family = binomial, weights = s))
      gcomp <- function(th) {
        at <- function(v) plogis(drop(x %*% th[1:p]) + th[p + 1] * v)
        cbind(s * (y - at(t)) * both, s * target * (at(1) - th[p + 2]), s * target * (at(0) - th[p + 3]))
      }
      add("regression", answer(gcomp, c(b, start), cluster))
    }
    z <- x[, -1, drop = FALSE]; q <- p - 1
    # Entropy balancing: factors of both groups, the target's means, the two means. A group that is the target keeps equal weights.
    entropy <- function(th) {
      l1 <- th[1:q]; l0 <- th[q + 1:q]; centre <- th[2 * q + 1:q]; off <- sweep(z, 2, centre)
      w1 <- if (who == "att") rep(1, length(t)) else exp(drop(z %*% l1)); w0 <- if (who == "atc") rep(1, length(t)) else exp(drop(z %*% l0))
      first <- if (who == "att") s * matrix(l1, length(t), q, byrow = TRUE) else s * t * w1 * off
      second <- if (who == "atc") s * matrix(l0, length(t), q, byrow = TRUE) else s * (1 - t) * w0 * off
      cbind(first, second, s * target * off, s * t * w1 * (y - th[3 * q + 1]), s * (1 - t) * w0 * (y - th[3 * q + 2]))
    }
    centre <- colSums(s * target * z) / sum(s * target)
    dual <- function(rows) function(l) { v <- drop(sweep(z[rows, , drop = FALSE], 2, centre) %*% l); log(sum(s[rows] * exp(v))) }
    slope <- function(rows) function(l) { o <- sweep(z[rows, , drop = FALSE], 2, centre); w <- s[rows] * exp(drop(o %*% l)); colSums(w * o) / sum(w) }
    factor_of <- function(rows) optim(rep(0, q), dual(rows), slope(rows), method = "BFGS", control = list(reltol = 1e-14, maxit = 2000))$par
    l1 <- if (who == "att") rep(0, q) else factor_of(t == 1); l0 <- if (who == "atc") rep(0, q) else factor_of(t == 0)
    add("entropy", answer(entropy, c(l1, l0, centre, start), cluster))
  }
}
put(do.call(rbind, stacked), "stacked")

# ---- matching --------------------------------------------------------------------------------------------------------
# With replacement the scores have no ties: MatchIt takes the first of those tied, evalkit all of them.
cases$mixed_untied <- list(d = mixed, t = "arm", y = "wage", f = ~ age + site + score + noise, binary = FALSE)
runs <- list(
  list(id = "plain", data = "nsw"), list(id = "plain", data = "mixed"), list(id = "plain", data = "nhefs_yes"),
  list(id = "two", data = "nhefs_yes", ratio = 2), list(id = "two", data = "mixed", ratio = 2),
  list(id = "caliper", data = "nsw", caliper = .1), list(id = "caliper", data = "mixed", caliper = .1),
  list(id = "exact", data = "nsw", exact = ~ black + nodegree), list(id = "exact", data = "mixed", exact = ~ site),
  list(id = "smallest", data = "nsw", m.order = "smallest"), list(id = "data", data = "mixed", m.order = "data"),
  list(id = "atc", data = "mixed", estimand = "ATC"), list(id = "atc", data = "nsw", estimand = "ATC"),
  list(id = "replace", data = "nhefs", replace = TRUE), list(id = "replace_two", data = "nhefs", replace = TRUE, ratio = 2),
  list(id = "replace", data = "mixed_untied", replace = TRUE), list(id = "replace_caliper", data = "mixed_untied", replace = TRUE, caliper = .05))
weights <- list(); estimates <- list()
for (run in runs) {
  k <- cases[[run$data]]; d <- k$d
  asked <- run[setdiff(names(run), c("id", "data"))]
  d$x <- predict(glm(update(k$f, as.formula(paste(k$t, "~ ."))), d, family = binomial, control = list(epsilon = 1e-14)))
  # With `mahvars` of the score alone; without it MatchIt 4.5.1 passes over nearer partners and over the caliper.
  m <- suppressWarnings(do.call(matchit, c(list(update(k$f, as.formula(paste(k$t, "~ ."))), data = d, distance = d$x, mahvars = ~ x), asked)))
  weights[[length(weights) + 1]] <- data.frame(data = run$data, run = run$id, row = seq_along(m$weights) - 1, weight = m$weights)[m$weights > 0, ]
  if (isTRUE(run$replace)) next
  md <- match.data(m)
  fit <- lm(reformulate(k$t, k$y), data = md, weights = md$weights)
  se <- sqrt(vcovCL(fit, cluster = ~ subclass)[k$t, k$t])
  estimates[[length(estimates) + 1]] <- data.frame(data = run$data, run = run$id, estimate = coef(fit)[k$t], std_error = se)
}
# A third of the rows are enough to tell two matchings apart, and keep the file small.
kept <- do.call(rbind, weights)
put(kept[kept$row %% 3 == 0, ], "match_weights")
put(do.call(rbind, estimates), "match_estimates")

abadie <- list()
for (name in c("nhefs", "mixed_untied", "nsw", "mixed")) for (who in c("ATT", "ATE", "ATC")) for (m in 1:2) {
  k <- cases[[name]]; d <- k$d
  e <- predict(glm(update(k$f, as.formula(paste(k$t, "~ ."))), d, family = binomial, control = list(epsilon = 1e-14)))
  made <- Match(d[[k$y]], d[[k$t]], e, estimand = who, M = m, ties = TRUE, Var.calc = 2, distance.tolerance = 1e-16, sample = FALSE)
  abadie[[length(abadie) + 1]] <- data.frame(data = name, part = tolower(who), ratio = m, estimate = made$est[1], std_error = made$se[1])
}
put(do.call(rbind, abadie), "abadie_imbens")
