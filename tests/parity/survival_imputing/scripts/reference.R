# Rubin's rules as mice 3.15 (GPL, run, not copied) computes them. From the repository's root:
#   Rscript tests/parity/survival_imputing/scripts/reference.R
suppressMessages(library(mice))
set.seed(20118)
rows <- list()
for (case in 1:6) {
  m <- c(2, 5, 20, 20, 50, 5)[case]
  n <- c(Inf, Inf, 170, 40, 170, 12)[case]
  q <- rnorm(m, 0.4, c(0.1, 0.3, 0.05, 0.5, 0.2, 1)[case]); u <- rchisq(m, 10) / 10 * 0.04
  got <- pool.scalar(q, u, n = n, k = 1, rule = "rubin1987")
  rows[[case]] <- data.frame(case = case, m = m, df_complete = n - 1, estimate = got$qbar, variance = got$t, df = got$df, fmi = got$fmi,
                             q = paste(sprintf("%.15g", q), collapse = " "), u = paste(sprintf("%.15g", u), collapse = " "))
}
out <- do.call(rbind, rows)
for (column in c("estimate", "variance", "df", "fmi")) out[[column]] <- sprintf("%.15g", out[[column]])
write.csv(out, "tests/parity/survival_imputing/reference/pooled.csv", row.names = FALSE, quote = FALSE)
