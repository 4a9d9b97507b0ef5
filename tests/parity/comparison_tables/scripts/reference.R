# Reference values of paired tables and counts: R 4.2.2, coin 1.4-2, sandwich, geepack. Run from the folder of this room.
suppressPackageStartupMessages({library(coin); library(sandwich); library(geepack)})
options(digits = 15)
set.seed(20145)

squares <- read.csv("inputs/square.csv", stringsAsFactors = FALSE)
as_table <- function(name) {
  d <- squares[squares$name == name, ]
  k <- max(d$before)
  x <- matrix(0, k, k)
  x[cbind(d$before, d$after)] <- d$n
  x
}
ginv_of <- function(m) { e <- eigen(m, symmetric = TRUE); keep <- e$values > 1e-9 * max(e$values)
  list(inv = e$vectors[, keep, drop = FALSE] %*% (t(e$vectors[, keep, drop = FALSE]) / e$values[keep]), rank = sum(keep)) }

# Wald test from people: mean of (after dummies - before dummies), covariance with divisor n. That is Bhapkar's statistic.
wald <- function(x) {
  n <- sum(x); k <- nrow(x)
  cells <- which(x > 0, arr.ind = TRUE)
  people <- cells[rep(seq_len(nrow(cells)), x[cells]), , drop = FALSE]
  d <- diag(k)[people[, 2], , drop = FALSE] - diag(k)[people[, 1], , drop = FALSE]
  m <- colMeans(d)
  g <- ginv_of(crossprod(sweep(d, 2, m)) / n)
  n * drop(t(m) %*% g$inv %*% m)
}

# Every way in which the people who moved might have moved, with its chance.
exact <- function(x, limit = 3e5) {
  k <- nrow(x); ij <- which(upper.tri(x), arr.ind = TRUE)
  m <- x[ij] + t(x)[ij]; ij <- ij[m > 0, , drop = FALSE]; m <- m[m > 0]
  if (length(m) == 0 || prod(m + 1) > limit) return(rep(NA, 5))
  all <- as.matrix(expand.grid(lapply(m, function(v) 0:v)))
  p <- exp(rowSums(sapply(seq_along(m), function(c) dbinom(all[, c], m[c], 0.5, log = TRUE))))
  off <- x + t(x); diag(off) <- 0
  g <- ginv_of(diag(rowSums(off), k) - off)$inv
  step <- matrix(0, length(m), k); step[cbind(seq_along(m), ij[, 2])] <- 1
  step[cbind(seq_along(m), ij[, 1])] <- step[cbind(seq_along(m), ij[, 1])] - 1
  net <- function(f) 2 * f - matrix(m, nrow(f), length(m), byrow = TRUE)
  shift <- function(f) { s <- net(f) %*% step; rowSums((s %*% g) * s) }
  sym <- function(f) rowSums(net(f)^2 / matrix(m, nrow(f), length(m), byrow = TRUE))
  seen <- matrix(x[ij], 1)
  out <- c()
  for (stat in list(shift, sym)) {
    v <- stat(all); s <- stat(seen)
    more <- sum(p[v > s + 1e-7]); same <- sum(p[abs(v - s) <= 1e-7])
    out <- c(out, more + same, more + same / 2)
  }
  v <- shift(all)
  c(out, sum(p[v >= max(v) - 1e-7]))
}

rows <- lapply(unique(squares$name), function(name) {
  x <- as_table(name); k <- nrow(x)
  lev <- letters[seq_len(k)]
  tab <- as.table(matrix(x, k, dimnames = list(before = lev, after = lev)))
  # coin takes no category that nobody is in.
  used <- rowSums(x) + colSums(x) > 0
  mh <- mh_test(as.table(unclass(tab)[used, used]))
  bow <- suppressWarnings(mcnemar.test(x, correct = FALSE))
  ij <- which(upper.tri(x), arr.ind = TRUE); a <- x[ij]; b <- t(x)[ij]; keep <- a + b > 0
  q <- sum((a - b)[keep]^2 / (a + b)[keep])
  if (all(keep)) stopifnot(isTRUE(all.equal(q, unname(bow$statistic))))
  mid <- sapply(seq_len(k), function(c) {
    lost <- sum(x[c, -c]); gained <- sum(x[-c, c]); m <- lost + gained
    if (m == 0) return(NA)
    pt <- dbinom(lost, m, 0.5)
    if (lost == gained) 1 - pt / 2 else 2 * pbinom(min(lost, gained), m, 0.5) - pt
  })
  e <- exact(x)
  drawn <- if (sum(x) < 1000) as.numeric(pvalue(mh_test(as.table(unclass(tab)[used, used]), distribution = approximate(nresample = 200000)))) else NA
  data.frame(name = name, n = sum(x), stuart_maxwell = statistic(mh)[[1]], df = mh@statistic@df, p_stuart_maxwell = pvalue(mh)[[1]],
    bhapkar = wald(x), bowker = q, df_bowker = sum(keep), p_bowker = pchisq(q, sum(keep), lower.tail = FALSE),
    exchange = e[1], exchange_mid_p = e[2], symmetry = e[3], symmetry_mid_p = e[4], floor = e[5], coin_drawn = drawn,
    mid_p = paste(format(mid, digits = 15), collapse = ";"), holm = paste(format(p.adjust(mid, "holm"), digits = 15), collapse = ";"))
})
write.csv(do.call(rbind, rows), "reference/square.csv", row.names = FALSE)

# ---- counts ----
counts <- read.csv("inputs/counts.csv", stringsAsFactors = FALSE)
mid_limits <- function(x, n, level) {
  tail <- (1 - level) / 2
  low <- if (x == 0) 0 else uniroot(function(p) pbinom(x, n, p, lower.tail = FALSE) + dbinom(x, n, p) / 2 - tail, c(0, if (x < n) x / n else 1), tol = 1e-15)$root
  high <- if (x == n) 1 else uniroot(function(p) pbinom(x - 1, n, p) + dbinom(x, n, p) / 2 - tail, c(if (x > 0) x / n else 0, 1), tol = 1e-15)$root
  c(low, high)
}
totals <- function(a, b, ta, tb, level) {
  t2 <- poisson.test(c(a, b), c(ta, tb), conf.level = level)
  up <- poisson.test(c(a, b), c(ta, tb), alternative = "greater"); dn <- poisson.test(c(a, b), c(ta, tb), alternative = "less")
  above <- poisson.test(c(a, b), c(ta, tb), r = 0.8, alternative = "greater"); below <- poisson.test(c(a, b), c(ta, tb), r = 1.25, alternative = "less")
  m <- mid_limits(a, a + b, level); odds <- m / (1 - m) * tb / ta
  share <- ta / (ta + tb); n <- a + b
  mid_up <- pbinom(a, n, share, lower.tail = FALSE) + dbinom(a, n, share) / 2
  data.frame(after = a, before = b, time_after = ta, time_before = tb, conf_level = level, low = t2$conf.int[1], high = t2$conf.int[2],
    p_least_likely = t2$p.value, p_greater = up$p.value, p_less = dn$p.value, p_tost = max(above$p.value, below$p.value),
    mid_low = odds[1], mid_high = odds[2], mid_greater = mid_up, mid_less = 1 - mid_up)
}
# Totals of R's own example (breast cancer and fluoroscopy), one-sided ones, zeros, and large ones.
many <- rbind(totals(11, 17, 800, 1083, .95), totals(7, 1, 1, 1, .95), totals(0, 6, 1, 1, .95), totals(5, 0, 2, 1, .9), totals(400, 333, 10, 9, .99),
  totals(1, 1, 3, 1, .95), totals(52, 61, 80, 79, .8))
write.csv(many, "reference/totals.csv", row.names = FALSE)

people <- lapply(split(counts, counts$name), function(d) {
  n <- nrow(d)
  long <- data.frame(id = rep(seq_len(n), each = 2), y = as.vector(t(d[, c("before", "after")])), wave = rep(0:1, n),
                     time = as.vector(t(d[, c("time_before", "time_after")])))
  fit <- glm(y ~ wave + offset(log(time)), family = poisson, data = long, epsilon = 1e-15, maxit = 100)
  v <- vcovCL(fit, cluster = long$id, type = "HC0", cadjust = TRUE)
  g <- summary(geeglm(y ~ wave + offset(log(time)), id = id, data = long, family = poisson, corstr = "independence"))$coefficients["wave", "Std.err"]
  stopifnot(abs(g * sqrt(n / (n - 1)) / sqrt(v["wave", "wave"]) - 1) < 1e-5)
  some <- d$before + d$after > 0
  b <- glm(cbind(after, before) ~ 1, family = binomial, data = d[some, ], epsilon = 1e-15)
  x2 <- sum(residuals(b, "pearson")^2)
  t <- t.test(d$after / d$time_after, d$before / d$time_before, paired = TRUE)
  data.frame(name = d$name[1], n = n, log_ratio = unname(coef(fit)["wave"]), std_error = sqrt(v["wave", "wave"]), dispersion = x2 / b$df.residual, pearson = x2,
    df = b$df.residual, mean_difference = unname(t$estimate), t_low = t$conf.int[1], t_high = t$conf.int[2])
})
write.csv(do.call(rbind, people), "reference/people.csv", row.names = FALSE)

# ---- two one-sided score tests of a paired difference, the likelihood maximised by search ----
tango <- function(both, lost, gained, neither, delta) {
  n <- both + lost + gained + neither
  xlog <- function(x, p) if (x == 0) 0 else x * log(p)
  l <- function(p) xlog(lost, p) + xlog(gained, p + delta) + xlog(both + neither, 1 - 2 * p - delta)
  score <- function(p) (if (lost > 0) lost / p else 0) + (if (gained > 0) gained / (p + delta) else 0) - 2 * (both + neither) / (1 - 2 * p - delta)
  ends <- c(max(0, -delta), (1 - delta) / 2); eps <- 1e-13
  p <- if (score(ends[1] + eps) < 0) ends[1] else uniroot(score, ends + c(eps, -eps), tol = 1e-16, maxiter = 10000)$root
  (gained - lost - n * delta) / sqrt(n * (2 * p + delta - delta^2))
}
cases <- rbind(c(43, 1, 0, 0, -.1, .1), c(1, 1, 7, 12, -.05, .3), c(59, 16, 6, 80, -.15, .05), c(20, 2, 12, 16, -.2, .2), c(30, 0, 0, 40, -.05, .05), c(12, 3, 3, 60, -.1, .08))
out <- t(apply(cases, 1, function(v) { z <- c(tango(v[1], v[2], v[3], v[4], v[5]), tango(v[1], v[2], v[3], v[4], v[6]))
  c(v, z, max(pnorm(z[1], lower.tail = FALSE), pnorm(z[2]))) }))
colnames(out) <- c("both", "lost", "gained", "neither", "low", "high", "z_low", "z_high", "p")
write.csv(out, "reference/equivalence.csv", row.names = FALSE)
