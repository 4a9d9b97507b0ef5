# Reference numbers for paired proportions, from base R only: binom.test, mcnemar.test, prop.test, and the intervals written out
# from the papers as root finding (Tango 1998) and closed form (Newcombe 1998, method 10).
# Run from the repository root: Rscript tests/parity/comparison/pre_post.R
# Writes tests/parity/comparison/pre_post.csv with 15 significant digits; the tests compare to 1e-10 (Tango, by uniroot, to 1e-9).
tables <- rbind(
  c(1, 1, 7, 12), c(20, 2, 12, 16), c(43, 1, 0, 0), c(4, 3, 9, 16), c(53, 8, 16, 9), c(8, 1, 3, 2), c(7, 2, 25, 68),
  c(59, 16, 6, 80), c(0, 0, 5, 5), c(0, 6, 0, 5), c(0, 0, 9, 0), c(0, 7, 0, 0), c(1, 0, 1, 0), c(10, 4, 4, 10), c(0, 40, 35, 4),
  c(300, 45, 90, 565), c(24, 0, 0, 55), c(3, 12, 30, 34)
)
colnames(tables) <- c("both", "lost", "gained", "neither")

tango <- function(lost, gained, n, z) {
  estimate <- (gained - lost) / n
  score <- function(delta) {
    a <- 2 * n
    b <- -lost - gained + (2 * n - gained + lost) * delta
    c <- -lost * delta * (1 - delta)
    p <- (sqrt(pmax(b^2 - 4 * a * c, 0)) - b) / (2 * a)
    v <- n * (2 * p + delta * (1 - delta))
    (gained - lost - n * delta) / sqrt(v)
  }
  root <- function(end, target) {
    if (estimate == end) return(end)
    # Open ends: at the estimate the statistic may be 0 / 0, at plus or minus one it is infinite.
    inner <- estimate + (end - estimate) * 1e-12
    outer <- end + (estimate - end) * 1e-14
    uniroot(function(d) score(d) - target, sort(c(inner, outer)), tol = 1e-15, maxiter = 10000)$root
  }
  c(root(-1, z), root(1, -z))
}

newcombe <- function(both, lost, gained, neither, level) {
  n <- both + lost + gained + neither
  w1 <- prop.test(both + lost, n, correct = FALSE, conf.level = level)$conf.int
  w2 <- prop.test(both + gained, n, correct = FALSE, conf.level = level)$conf.int
  p1 <- (both + lost) / n
  p2 <- (both + gained) / n
  margins <- as.numeric(both + lost) * (gained + neither) * (both + gained) * (lost + neither)
  cross <- both * neither - lost * gained
  if (cross > 0) cross <- max(cross - n / 2, 0)
  phi <- if (margins == 0) 0 else cross / sqrt(margins)
  c(p2 - p1 - sqrt((p2 - w2[1])^2 - 2 * phi * (p2 - w2[1]) * (w1[2] - p1) + (w1[2] - p1)^2),
    p2 - p1 + sqrt((w2[2] - p2)^2 - 2 * phi * (w2[2] - p2) * (p1 - w1[1]) + (p1 - w1[1])^2))
}

rows <- list()
for (i in seq_len(nrow(tables))) for (level in c(0.90, 0.95)) {
  t <- as.list(tables[i, ])
  n <- sum(tables[i, ])
  m <- t$lost + t$gained
  exact <- function(side) if (m == 0) 1 else binom.test(t$gained, m, 0.5, alternative = side)$p.value
  point <- dbinom(t$gained, m, 0.5)
  midp <- if (m == 0) NA else if (t$lost == t$gained) 1 - point / 2 else exact("two.sided") - point
  mc <- mcnemar.test(matrix(c(t$both, t$gained, t$lost, t$neither), 2), correct = FALSE)
  tg <- tango(t$lost, t$gained, n, qnorm(1 - (1 - level) / 2))
  nc <- newcombe(t$both, t$lost, t$gained, t$neither, level)
  cp <- binom.test(t$both + t$gained, n, conf.level = level)$conf.int
  wi <- prop.test(t$both + t$gained, n, correct = FALSE, conf.level = level)$conf.int
  rows[[length(rows) + 1]] <- data.frame(
    t, conf_level = level, exact = exact("two.sided"), exact_greater = exact("greater"), exact_less = exact("less"),
    mid_p = midp, mid_p_greater = if (m == 0) NA else exact("greater") - point / 2,
    chi2 = if (m == 0) NA else unname(mc$statistic), asymptotic = if (m == 0) NA else mc$p.value,
    tango_low = tg[1], tango_high = tg[2], newcombe_low = nc[1], newcombe_high = nc[2],
    clopper_low = cp[1], clopper_high = cp[2], wilson_low = wi[1], wilson_high = wi[2]
  )
}
out <- do.call(rbind, rows)
for (name in names(out)[5:ncol(out)]) out[[name]] <- trimws(formatC(out[[name]], digits = 15, format = "g"))
out[out == "NA"] <- NA
write.csv(out, "tests/parity/comparison/pre_post.csv", row.names = FALSE, quote = FALSE, na = "", eol = "\n")
