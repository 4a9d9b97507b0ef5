# Reference values of paired and two-group ranks, permutations and effect sizes. Run: Rscript reference.R (in this folder).
suppressMessages({library(coin); library(exactRankTests); library(effectsize); library(pROC)})
out <- list()
say <- function(set, what, value) for (k in seq_along(value))
  out[[length(out) + 1]] <<- data.frame(set = set, what = if (length(value) > 1) paste0(what, "_", names(value)[k]) else what,
                                        value = format(unname(value[[k]]), digits = 17))
sides <- c("two.sided", "greater", "less")

pairs <- read.csv("../inputs/pairs.csv")
# Differences as decimals people wrote, not as floats leave them.
change <- function(p) round(p$after - p$before, 6)
for (set in unique(pairs$set)) {
  p <- pairs[pairs$set == set, ]; d <- change(p); n <- length(d)
  t <- t.test(d); say(set, "t", c(p = t$p.value, low = t$conf.int[1], high = t$conf.int[2], statistic = unname(t$statistic)))
  y <- p$after; x <- p$before
  if (set != "darwin") for (zero in c("Wilcoxon", "Pratt")) for (side in sides) {
    # coin takes the sign of y - x with wilcoxsign_test(y ~ x).
    w <- wilcoxsign_test(d ~ rep(0, n), distribution = "exact", zero.method = zero, alternative = side)
    say(set, paste("coin", zero, side), c(p = as.numeric(pvalue(w)), z = as.numeric(statistic(w))))
    a <- wilcoxsign_test(d ~ rep(0, n), zero.method = zero, alternative = side)
    say(set, paste("coin asymptotic", zero, side), as.numeric(pvalue(a)))
  }
  for (side in sides) say(set, paste("wilcox.exact", side), wilcox.exact(d, alternative = side, exact = TRUE)$p.value)
  for (level in c(.8, .95, .99)) {
    # Closed interval between order statistics of the averages of all pairs, zeros in, counted from the law without ties.
    walsh <- sort(outer(d, d, "+")[!lower.tri(diag(n))]) / 2
    k <- max(1, qsignrank((1 - level) / 2, n)); if (psignrank(k - 1, n) > (1 - level) / 2) k <- max(1, k - 1)
    say(set, paste("walsh", level), c(estimate = median(walsh), low = walsh[k], high = walsh[length(walsh) + 1 - k],
                                      level = 1 - 2 * psignrank(k - 1, n)))
    k <- max(1, qbinom((1 - level) / 2, n, .5))
    s <- sort(d)
    say(set, paste("median", level), c(estimate = median(d), low = s[k], high = s[n + 1 - k], level = 1 - 2 * pbinom(k - 1, n, .5)))
  }
  if (n < 50) {
    e <- wilcox.exact(d, conf.int = TRUE, exact = TRUE)
    say(set, "wilcox.exact interval", c(estimate = unname(e$estimate), low = e$conf.int[1], high = e$conf.int[2]))
  }
  if (set %in% c("depression", "darwin")) {
    w <- wilcox.test(d, conf.int = TRUE, exact = TRUE)
    say(set, "wilcox.test", c(p = w$p.value, estimate = unname(w$estimate), low = w$conf.int[1], high = w$conf.int[2]))
  }
  up <- sum(d > 0); moved <- sum(d != 0)
  for (side in sides) say(set, paste("sign", side), binom.test(up, moved, alternative = side)$p.value)
  if (all(round(10 * d, 6) == round(10 * d)) || set == "depression") {
    unit <- if (set == "depression") 1000 else 10
    for (side in sides) say(set, paste("perm.test", side),
      perm.test(as.integer(round(unit * d)), paired = FALSE, alternative = side, exact = TRUE)$p.value)
  }
  # Noncentral t: the noncentralities at which the t seen lies at either tail.
  tt <- unname(t$statistic); ncp <- function(q) uniroot(function(c) pt(tt, n - 1, c) - q, c(tt - 12, tt + 12), tol = 1e-13)$root
  say(set, "d_z", c(estimate = mean(d) / sd(d), low = ncp(.975) / sqrt(n), high = ncp(.025) / sqrt(n)))
  e <- as.data.frame(cohens_d(d)); say(set, "effectsize d_z", c(estimate = e[[1]], low = e$CI_low, high = e$CI_high))
  if (set != "darwin") {
    s <- sqrt((var(x) + var(y)) / 2); est <- (mean(y) - mean(x)) / s; r <- cor(x, y)
    se <- sqrt(est^2 * (var(x)^2 + var(y)^2 + 2 * r^2 * var(x) * var(y)) / (8 * (n - 1) * s^4) +
                 (var(x) + var(y) - 2 * r * sd(x) * sd(y)) / ((n - 1) * s^2))
    say(set, "d_av", c(estimate = est, unbiased = est * sqrt((n - 2) / (n - 1)), se = se, low = est - qnorm(.975) * se, high = est + qnorm(.975) * se))
  }
  say(set, "effectsize rank_biserial", as.data.frame(rank_biserial(d, verbose = FALSE))[[1]])
  # The same as a U-statistic, person by person.
  for (zero in c("wilcoxon", "pratt")) {
    v <- if (zero == "wilcoxon") d[d != 0] else d; m <- length(v)
    a <- b <- numeric(m)
    for (i in 1:m) {
      z <- v[i] + v[-i]
      a[i] <- sum(sign(round(z, 6))) + 2 * sign(v[i]); b[i] <- sum(!(v[i] == 0 & v[-i] == 0)) + 2 * (v[i] != 0)
    }
    rk <- rank(abs(v)); rb <- sum(sign(v) * rk) / sum(rk[v != 0])
    inf <- 2 * (a - rb * b) / mean(b); se <- sd(inf) / sqrt(m)
    # Wilson: the shares that lie t standard errors from the one seen, the error being that of the share itself.
    th <- (1 + rb) / 2; ne <- th * (1 - th) / (se / 2)^2; q <- qt(.975, m - 1)
    away <- function(x) (th - x)^2 - q^2 * x * (1 - x) / ne
    ends <- if (abs(rb) < 1) c(uniroot(away, c(0, th), tol = 1e-15)$root, uniroot(away, c(th, 1), tol = 1e-15)$root) else c(NA, NA)
    say(set, paste("rank_biserial", zero), c(estimate = rb, low = 2 * ends[1] - 1, high = 2 * ends[2] - 1))
  }
  margin <- signif(0.8 * sd(d), 3)
  say(set, "margin", margin)
  say(set, "tost t", max(t.test(d, mu = -margin, alternative = "greater")$p.value, t.test(d, mu = margin, alternative = "less")$p.value))
  say(set, "tost ranks", max(wilcox.exact(round(d + margin, 6), alternative = "greater", exact = TRUE)$p.value,
                             wilcox.exact(round(d - margin, 6), alternative = "less", exact = TRUE)$p.value))
}

groups <- read.csv("../inputs/groups.csv")
for (set in unique(groups$set)) {
  g <- groups[groups$set == set, ]; x <- g$value[g$group == 0]; y <- g$value[g$group == 1]; f <- factor(g$group, c(1, 0))
  for (side in sides) {
    w <- wilcox_test(g$value ~ f, distribution = "exact", alternative = side)
    say(set, paste("coin", side), c(p = as.numeric(pvalue(w)), z = as.numeric(statistic(w))))
    say(set, paste("coin asymptotic", side), as.numeric(pvalue(wilcox_test(g$value ~ f, alternative = side))))
    say(set, paste("wilcox.exact", side), wilcox.exact(y, x, alternative = side, exact = TRUE)$p.value)
  }
  D <- sort(outer(y, x, "-")); m <- length(x); n <- length(y)
  for (level in c(.8, .95, .99)) {
    k <- max(1, qwilcox((1 - level) / 2, m, n))
    say(set, paste("shift", level), c(estimate = median(D), low = D[k], high = D[m * n + 1 - k], level = 1 - 2 * pwilcox(k - 1, m, n)))
  }
  if (!anyDuplicated(g$value)) {
    w <- wilcox.test(y, x, conf.int = TRUE, exact = TRUE)
    say(set, "wilcox.test", c(p = w$p.value, estimate = unname(w$estimate), low = w$conf.int[1], high = w$conf.int[2]))
  }
  theta <- mean(outer(y, x, ">") + outer(y, x, "==") / 2)
  v <- var(roc(g$group, g$value, direction = "<", quiet = TRUE), method = "delong")
  say(set, "delong", c(estimate = theta, se = sqrt(v)))
  star <- (m + n) / 2 - 1
  V <- function(t) t * (1 - t) * (1 + star * ((1 - t) / (2 - t) + t / (1 + t))) / (m * n)
  for (level in c(.9, .95)) {
    z <- qnorm((1 + level) / 2)
    f5 <- function(t) (theta - t)^2 - z^2 * V(t)
    say(set, paste("newcombe", level), c(low = uniroot(f5, c(0, theta), tol = 1e-14)$root, high = uniroot(f5, c(theta, 1), tol = 1e-14)$root))
  }
}

tables <- read.csv("../inputs/tables.csv")
for (set in unique(tables$set)) {
  t <- tables[tables$set == set, ]; k <- max(t$before)
  tab <- as.table(matrix(t$count, k, k, byrow = TRUE)); dimnames(tab) <- list(after = letters[1:k], before = letters[1:k])
  tab <- as.table(matrix(t$count, k, k, byrow = TRUE, dimnames = list(before = letters[1:k], after = letters[1:k])))
  scores <- list(even = 1:k, odd = c(0, 1, 3, 7)[1:k])
  for (how in names(scores)) {
    h <- mh_test(tab, scores = list(response = scores[[how]]))
    say(set, paste("mh_test", how), c(statistic = as.numeric(statistic(h)), p = as.numeric(pvalue(h))))
    s <- scores[[how]]; d <- rep(s[t$after] - s[t$before], t$count); n <- length(d)
    ci <- t.test(d)$conf.int
    say(set, paste("mean", how), c(estimate = mean(d), low = ci[1], high = ci[2]))
    if (set == "small") for (side in sides) say(set, paste("perm.test", how, side),
      perm.test(as.integer(d), alternative = side, exact = TRUE)$p.value)
    w <- wilcoxsign_test(d ~ rep(0, n), zero.method = "Wilcoxon", distribution = if (set != "vision") "exact" else "asymptotic")
    say(set, paste("coin Wilcoxon", how), as.numeric(pvalue(w)))
    w <- wilcoxsign_test(d ~ rep(0, n), zero.method = "Pratt", distribution = if (set != "vision") "exact" else "asymptotic")
    say(set, paste("coin Pratt", how), as.numeric(pvalue(w)))
  }
  up <- sum(t$count[t$after > t$before]); down <- sum(t$count[t$after < t$before])
  say(set, "sign", binom.test(up, up + down)$p.value)
  say(set, "superiority", (up - down) / sum(t$count))
}
write.csv(do.call(rbind, out), "../reference/ranks.csv", row.names = FALSE, quote = FALSE)
