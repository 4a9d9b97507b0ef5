# Reference numbers of regression to the mean: lm() for Mee & Chua, t.test for given correlations, numerical integration of the
# bivariate normal for the expected return past a cut, and Fieller's limits as the roots of lm()'s own t statistic.
# Run in tests/parity/comparison_trough: Rscript scripts/trough.R
out <- list()
put <- function(data, term, method, column, value)
  out[[length(out) + 1]] <<- data.frame(data, term, method, column, value = sprintf("%.17g", value))
cases <- list(seeded = list(mean = 50, sd = 10, r = 0.64, cut = 42), cps = list(mean = 13650, sd = 9270, r = 0.7, cut = 3000))
for (name in names(cases)) {
  k <- cases[[name]]; d <- read.csv(file.path("inputs", paste0(name, ".csv")))
  raw <- t.test(d$after, d$before, paired = TRUE)
  put(name, "difference", "paired_t", "estimate", raw$estimate); put(name, "difference", "paired_t", "conf_low", raw$conf.int[1])
  put(name, "difference", "paired_t", "p_value", raw$p.value)
  height <- function(mu) summary(lm(I(after - mu) ~ I(before - mu), d))$coefficients[1, ]
  m <- lm(I(after - k$mean) ~ I(before - k$mean), d); s <- height(k$mean); ci <- confint(m)[1, ]
  for (v in list(c("estimate", s[1]), c("std_error", s[2]), c("statistic", s[3]), c("p_value", s[4]), c("conf_low", ci[1]), c("conf_high", ci[2])))
    put(name, "corrected_difference", "mee_chua", v[1], as.numeric(v[2]))
  slope <- coef(m)[2]; place <- (mean(d$after) - slope * mean(d$before)) / (1 - slope)
  put(name, "mean_that_cancels", "fieller", "estimate", place)
  t975 <- qt(0.975, nrow(d) - 2)
  for (side in c("conf_low", "conf_high")) {
    # Both limits are means at which the t statistic of the intercept is exactly the quantile.
    f <- function(mu) abs(height(mu)[3]) - t975
    ends <- if (side == "conf_low") c(place - 50 * sd(d$before), place) else c(place, place + 500 * sd(d$before))
    limit <- try(uniroot(f, ends, tol = 1e-13)$root, silent = TRUE)
    if (!inherits(limit, "try-error")) put(name, "mean_that_cancels", "fieller", side, limit)
  }
  g <- t.test(d$after - k$mean - k$r * (d$before - k$mean))
  put(name, "corrected_difference", "linear", "estimate", g$estimate); put(name, "corrected_difference", "linear", "conf_low", g$conf.int[1])
  below <- integrate(function(x) (x - (k$mean + k$r * (x - k$mean))) * dnorm(x, k$mean, k$sd), -Inf, k$cut, rel.tol = 1e-12)$value
  put(name, "expected_return", "truncated_normal", "estimate", -below / pnorm(k$cut, k$mean, k$sd))
  put(name, "expected_return", "linear", "estimate", (1 - k$r) * (k$mean - mean(d$before)))
}
write.csv(do.call(rbind, out), "reference/trough.csv", row.names = FALSE, quote = FALSE)
