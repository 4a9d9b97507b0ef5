# Reference numbers of power: base R's power.t.test and power.prop.test, pwr, and brute force over every table.
# Run in tests/parity/comparison_planning: Rscript scripts/power.R
library(pwr)
rows <- list()
put <- function(design, n, alternative, value, ...) {
  given <- list(...)
  text <- paste(names(given), sapply(given, format, digits = 15), sep = "=", collapse = ";")
  rows[[length(rows) + 1]] <<- data.frame(design, n, alternative, assumptions = text, power = sprintf("%.17g", value))
}
sides <- c("two-sided" = "two.sided", greater = "one.sided")
for (n in c(5, 20, 79)) for (a in names(sides)) {
  put("paired_means", n, a, power.t.test(n, 3, 8, type = "paired", alternative = sides[a], strict = TRUE)$power, difference = 3, sd = 8)
  put("two_means", 2 * n, a, power.t.test(n, 5, 8, alternative = sides[a], strict = TRUE)$power, difference = 5, sd = 8)
  put("two_proportions", 2 * n, a, power.prop.test(n, 0.25, 0.45, alternative = sides[a], strict = TRUE)$power, difference = 0.2, reference = 0.25, test = "asymptotic")
}
put("two_means", 100, "two-sided", pwr.t2n.test(n1 = 30, n2 = 70, d = 0.5)$power, difference = 4, sd = 8, share_treated = 0.3)
# McNemar, exact and mid-p: every number of discordant pairs, every split.
mcnemar <- function(n, gained, lost, mid, alternative) {
  d <- gained + lost; total <- 0
  for (m in 0:n) { k <- 0:m; pt <- if (mid) dbinom(k, m, .5) / 2 else 0
    up <- pbinom(k - 1, m, .5, lower.tail = FALSE) - pt; down <- pbinom(k, m, .5) - pt
    p <- switch(alternative, "two-sided" = pmin(1, 2 * pmin(up, down)), greater = up, less = down)
    total <- total + dbinom(m, n, d) * sum(dbinom(k, m, gained / d)[p <= 0.05]) }
  total }
for (n in c(12, 20, 79)) for (a in c("two-sided", "greater", "less")) {
  put("paired_proportions", n, a, mcnemar(n, 0.25, 0.05, TRUE, a), gained = 0.25, lost = 0.05)
  put("paired_proportions", n, a, mcnemar(n, 0.3, 0.1, FALSE, a), gained = 0.3, lost = 0.1, test = "exact")
}
# Miettinen (1968): normal formula.
for (n in c(40, 120)) { g <- 0.3; l <- 0.12; d <- g + l
  put("paired_proportions", n, "greater", pnorm(((g - l) * sqrt(n) - qnorm(.95) * sqrt(d)) / sqrt(d - (g - l)^2)), gained = g, lost = l, test = "asymptotic") }
# Fisher: every pair of counts, fisher.test itself.
for (s in list(c(12, 12), c(15, 10))) { m <- s[1]; k <- s[2]; total <- 0
  for (x in 0:m) for (y in 0:k) if (fisher.test(matrix(c(x, m - x, y, k - y), 2))$p.value <= 0.05 * (1 + 1e-12))
    total <- total + dbinom(x, m, 0.8) * dbinom(y, k, 0.3)
  put("two_proportions", m + k, "two-sided", total, difference = 0.5, reference = 0.3, share_treated = m / (m + k), test = "fisher") }
# The chi-squared test: every pair of counts, prop.test itself.
for (s in list(c(20, 20), c(30, 18))) { m <- s[1]; k <- s[2]; total <- 0
  for (x in 0:m) for (y in 0:k) { p <- suppressWarnings(prop.test(c(x, y), c(m, k), correct = FALSE)$p.value)
    if (!is.na(p) && p <= 0.05) total <- total + dbinom(x, m, 0.65) * dbinom(y, k, 0.3) }
  put("two_proportions", m + k, "two-sided", total, difference = 0.35, reference = 0.3, share_treated = m / (m + k)) }
# Paired counts: every total, every split.
for (a in c("two-sided", "less")) { n <- 15; rate <- 0.8; ratio <- 0.5; mean <- n * rate * (1 + ratio); total <- 0
  for (m in 0:200) { k <- 0:m; up <- pbinom(k - 1, m, .5, lower.tail = FALSE); down <- pbinom(k, m, .5)
    p <- if (a == "less") down else pmin(1, 2 * pmin(up, down))
    total <- total + dpois(m, mean) * sum(dbinom(k, m, ratio / (1 + ratio))[p <= 0.05]) }
  put("paired_counts", n, a, total, ratio = ratio, rate = rate) }
# Frison & Pocock, by the covariance matrix of the dates itself.
fp <- function(p, q, r, analysis, n) { V <- matrix(r, p + q, p + q); diag(V) <- 1
  a <- c(rep(0, p), rep(1 / q, q)); b <- c(rep(1 / p, p), rep(0, q)); s <- function(u, v) as.numeric(t(u) %*% V %*% v)
  v <- switch(analysis, after = s(a, a), change = s(a - b, a - b), ancova = s(a, a) - s(a, b)^2 / s(b, b)) * 64
  df <- n - 2 - (analysis == "ancova"); ncp <- 4 / sqrt(v * 4 / n); q <- qt(.975, df); pt(q, df, ncp, lower.tail = FALSE) + pt(-q, df, ncp) }
for (w in c("after", "change", "ancova")) for (dates in list(c(1, 1), c(2, 3)))
  put("before_after", 80, "two-sided", fp(dates[1], dates[2], 0.6, w, 80), difference = 4, sd = 8, correlation = 0.6, dates_before = dates[1], dates_after = dates[2], analysis = w)
# Clusters: the variance of the mean of a cluster, then power.t.test on means.
for (g in c(6, 10, 24)) { v <- 64 * (0.05 + (1 - 0.05) / 20)
  put("clusters", 2 * g, "two-sided", power.t.test(g, 3, sqrt(v), strict = TRUE)$power, difference = 3, sd = 8, icc = 0.05, size = 20) }
# Interrupted series: the whole covariance matrix, inverted.
for (of in c("level", "slope")) for (r in c(0, 0.4)) { n <- 24; b <- 12; t <- (0:(n - 1)) - b; x <- cbind(1, t, t >= 0, (t >= 0) * t)
  V <- r^abs(outer(t, t, "-")); C <- solve(t(x) %*% solve(V) %*% x); at <- if (of == "level") 3 else 4
  size <- if (of == "level") 2 else 0.3; ncp <- size / sqrt(C[at, at]); q <- qt(.975, n - 4)
  put("interrupted_series", n, "two-sided", pt(q, n - 4, ncp, lower.tail = FALSE) + pt(-q, n - 4, ncp), change = size, of = of, correlation = r) }
# Ranks: Noether (1987), eq. 2 of the two-sample case, solved for the power.
for (n in c(40, 100)) put("two_ranks", n, "greater", pnorm(sqrt(12 * .25 * n) * (0.65 - 0.5) - qnorm(.95)), superiority = 0.65)
# Counts of two groups.
for (k in c(0, 0.5)) { v <- (1 / (2 * .7) + k) / 50 + (1 / 2 + k) / 50; z <- log(.7) / sqrt(v)
  put("two_counts", 100, "two-sided", pnorm(abs(z) - qnorm(.975)) + pnorm(-abs(z) - qnorm(.975)), ratio = 0.7, rate = 2, dispersion = k) }
# Equivalence: the estimated error integrated over its law, on another scale (that of the variance) than ours.
for (n in c(12, 40)) { s <- 8 / sqrt(n); df <- n - 1; q <- qt(.95, df)
  f <- Vectorize(function(x) { h <- q * s * sqrt(x / df); dchisq(x, df) * max(0, pnorm((4 - h - 0.5) / s) - pnorm((-4 + h - 0.5) / s)) })
  top <- df * (4 / (q * s))^2
  put("paired_equivalence", n, "two-sided", integrate(f, 0, top, rel.tol = 1e-11, subdivisions = 2000)$value, margin = 4, difference = 0.5, sd = 8) }
write.csv(do.call(rbind, rows), "reference/power.csv", row.names = FALSE, quote = FALSE)
