# Reference numbers of two survey waves: clubSandwich (CR2, Satterthwaite) on lm(), and sandwich's HC2 with t.test.
# Run in tests/parity/comparison_surveying: Rscript scripts/surveying.R
suppressMessages(library(clubSandwich))
d <- read.csv("inputs/partners.csv"); out <- list()
put <- function(outcome, structure, part, e) out[[length(out) + 1]] <<- data.frame(outcome, structure, part, column = names(e), value = sprintf("%.17g", unlist(e)))
read1 <- function(fit, cluster, term) {
  t <- coef_test(fit, vcov = "CR2", cluster = cluster, test = "Satterthwaite"); i <- which(rownames(t) == term); q <- qt(.975, t$df_Satt[i])
  list(estimate = t$beta[i], std_error = t$SE[i], df = t$df_Satt[i], p_value = t$p_Satt[i], conf_low = t$beta[i] - q * t$SE[i], conf_high = t$beta[i] + q * t$SE[i]) }
d$late <- as.numeric(d$wave == 2011)
one <- d[d$late == 0, ]; two <- d[d$late == 1, ]; both <- merge(one, two, by = "respondent")
share <- prop.table(table(one$kind)); share2 <- prop.table(table(two$kind))
d$w <- ifelse(d$late == 1, share[d$kind] / share2[d$kind], 1)
for (y in c("useful", "agree")) {
  d$y <- d[[y]]; both$change <- both[[paste0(y, ".y")]] - both[[paste0(y, ".x")]]
  put(y, TRUE, "pairs", read1(lm(change ~ 1, both), both$structure.x, "(Intercept)"))
  for (s in c(TRUE, FALSE)) { cl <- if (s) d$structure else d$respondent
    put(y, s, "everyone", read1(lm(y ~ late, d), cl, "late"))
    put(y, s, "same_mix", read1(lm(y ~ late, d, weights = w), cl, "late")) }
}
g <- t.test(both$useful.y - both$useful.x)
put("useful", FALSE, "pairs", list(estimate = unname(g$estimate), p_value = g$p.value, conf_low = g$conf.int[1], conf_high = g$conf.int[2]))
write.csv(do.call(rbind, out), "reference/surveying.csv", row.names = FALSE, quote = FALSE)
