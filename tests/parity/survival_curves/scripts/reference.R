# Reference numbers of R's survival (LGPL), which is run, not copied. From the repository's root:
#   Rscript tests/parity/survival_curves/scripts/reference.R
# Reads tests/parity/survival/inputs/*.csv, writes reference/*.csv with 15 significant digits.
suppressMessages(library(survival))
input <- function(name) read.csv(file.path("tests/parity/survival/inputs", paste0(name, ".csv")))
put <- function(frame, name) {
  for (column in names(frame)) if (is.numeric(frame[[column]])) {
    frame[[column]] <- ifelse(is.na(frame[[column]]), "", sprintf("%.15g", frame[[column]]))
  }
  write.csv(frame, file.path("tests/parity/survival_curves/reference", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
}
rossi <- input("rossi"); waltons <- input("waltons"); leukemia <- input("leukemia"); ties <- input("ties"); late <- input("late")

# ---- restricted means: survmean's Greenwood error; differences and ratios by the formulas of survRM2 (Uno et al. 2014) --------
means <- function(data, formula, frame, by, t, ...) {
  groups <- sort(unique(frame[[by]]))
  found <- sapply(groups, function(g) {
    part <- frame[frame[[by]] == g, ]
    made <- do.call(survfit, list(formula = formula, data = part, ...))
    survival:::survmean(made, rmean = t)[[1]][c("rmean", "se(rmean)")]
  })
  a <- found[1, ]; s <- found[2, ]; z <- qnorm(.975); one <- seq_along(groups)[-1]
  rows <- data.frame(data = data, by = by, t = t, term = "rmst", group = groups, estimate = a, std_error = s,
                     low = a - z * s, high = a + z * s, p = NA)
  gap <- a[one] - a[1]; e <- sqrt(s[one]^2 + s[1]^2)
  rows <- rbind(rows, data.frame(data = data, by = by, t = t, term = "difference", group = groups[one], estimate = gap,
                                 std_error = e, low = gap - z * e, high = gap + z * e, p = 2 * pnorm(-abs(gap / e))))
  for (lost in c(FALSE, TRUE)) {
    b <- if (lost) t - a else a
    r <- b[one] / b[1]; e <- sqrt((s[one] / b[one])^2 + (s[1] / b[1])^2)
    rows <- rbind(rows, data.frame(data = data, by = by, t = t, term = if (lost) "ratio_lost" else "ratio", group = groups[one],
                                   estimate = r, std_error = e, low = r * exp(-z * e), high = r * exp(z * e),
                                   p = 2 * pnorm(-abs(log(r) / e))))
  }
  rows
}
put(rbind(
  means("rossi", Surv(week, arrest) ~ 1, rossi, "fin", 52),
  means("rossi", Surv(week, arrest) ~ 1, rossi, "race", 30),
  means("waltons", Surv(T, E) ~ 1, waltons, "group", 50),
  means("leukemia", Surv(t, status) ~ 1, leukemia, "Rx", 20),
  means("ties", Surv(time, cause == 1) ~ 1, ties, "site", 25),
  means("late", Surv(start, stop, cause == 1) ~ 1, late, "group", 20)), "means")

# ---- sampling weights: squared influence of each person on the area --------------------------------------------------------
weighted <- function(data, formula, frame, t, id) {
  fit <- do.call(survfit, list(formula = formula, data = frame, weights = frame$weight, id = frame[[id]]))
  r <- residuals(fit, times = t, type = "auc", collapse = FALSE, weighted = TRUE)
  r <- rowsum(as.numeric(r), frame[[id]])
  data.frame(data = data, t = t, id = id, estimate = unname(survival:::survmean(fit, rmean = t)[[1]]["rmean"]),
             std_error = sqrt(sum(r^2)))
}
ties$row <- seq_len(nrow(ties)); late$weight <- .5 + (late$id %% 5) / 3
put(rbind(weighted("ties", Surv(time, cause == 1) ~ 1, ties, 25, "row"), weighted("ties", Surv(time, cause == 1) ~ 1, ties, 12, "row"),
          weighted("late", Surv(start, stop, cause == 1) ~ 1, late, 20, "id")), "weighted")
