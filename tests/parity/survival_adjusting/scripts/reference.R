# Reference numbers of R's survival (LGPL), prodlim, riskRegression (GPL) and nnet (GPL), which are run, not copied. From the root:
#   Rscript tests/parity/survival_adjusting/scripts/reference.R
suppressMessages({library(survival); library(prodlim); library(riskRegression); library(nnet)})
here <- "tests/parity/survival_adjusting"
input <- function(name, room = "survival") read.csv(file.path("tests/parity", room, "inputs", paste0(name, ".csv")))
put <- function(frame, name) {
  for (column in names(frame)) if (is.numeric(frame[[column]])) {
    frame[[column]] <- ifelse(is.na(frame[[column]]), "", sprintf("%.15g", frame[[column]]))
  }
  write.csv(frame, file.path(here, "reference", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
}
rossi <- input("rossi"); ties <- input("ties"); leukemia <- input("leukemia"); arms <- input("arms", "survival_adjusting")

# ---- pseudo-values: leave-one-out of prodlim, infinitesimal of survival ---------------------------------------------
data <- list(
  rossi = list(frame = data.frame(time = rossi$week, cause = rossi$arrest), at = c(20, 40, 51)),
  leukemia = list(frame = data.frame(time = leukemia$t, cause = leukemia$status), at = c(5, 12, 22)),
  ties = list(frame = data.frame(time = ties$time, cause = ties$cause), at = c(5, 15, 30)),
  arms = list(frame = data.frame(time = arms$time, cause = arms$cause), at = c(15, 30, 60)))
some <- function(n) seq(1, n, by = 11)
long <- function(name, kind, method, values, at) {
  rows <- some(nrow(values))
  data.frame(data = name, kind = kind, method = method, row = rep(rows, length(at)) - 1, time = rep(at, each = length(rows)),
             pseudo = as.vector(values[rows, , drop = FALSE]))
}
out <- list()
for (name in names(data)) {
  d <- data[[name]]$frame; at <- data[[name]]$at; n <- nrow(d)
  d$any <- as.integer(d$cause > 0)
  fit <- prodlim(Hist(time, any) ~ 1, data = d)
  out[[paste(name, 1)]] <- long(name, "survival", "jackknife", jackknife(fit, times = at), at)
  km <- survfit(Surv(time, any) ~ 1, data = d)
  out[[paste(name, 2)]] <- long(name, "survival", "infinitesimal", pseudo(km, times = at, type = "survival"), at)
  out[[paste(name, 3)]] <- long(name, "rmst", "infinitesimal", pseudo(km, times = at, type = "rmst"), at)
  if (max(d$cause) > 1) {
    for (cause in 1:2) {
      fit <- prodlim(Hist(time, cause) ~ 1, data = d)
      out[[paste(name, 3 + 2 * cause)]] <- long(name, paste0("incidence", cause), "jackknife", jackknife(fit, times = at, cause = cause), at)
      aj <- survfit(Surv(time, factor(cause, 0:max(cause))) ~ 1, data = d)
      p <- pseudo(aj, times = at, type = "pstate")
      out[[paste(name, 4 + 2 * cause)]] <- long(name, paste0("incidence", cause), "infinitesimal", p[, , 1 + cause], at)
    }
  }
}
put(do.call(rbind, out), "pseudo")

# ---- g-computation: riskRegression::ate, whose standard errors count coefficients, baseline and the mean over people -------
gformula <- function(name, frame, formula, treatment, times, ties) {
  frame[[treatment]] <- factor(frame[[treatment]])
  # `ate` looks the data up by name.
  assign("people_", frame, envir = globalenv())
  fit <- eval(bquote(coxph(.(formula), data = people_, ties = .(ties), x = TRUE, y = TRUE, eps = 1e-12, toler.chol = 1e-14, iter.max = 50)))
  made <- ate(fit, treatment = treatment, data = people_, times = times, se = TRUE, verbose = FALSE, estimator = "GFORMULA")
  means <- as.data.frame(made$meanRisk)
  differences <- as.data.frame(made$diffRisk)
  rbind(
    data.frame(data = name, ties = ties, term = "risk", level = means$treatment, versus = "", time = means$time, estimate = means$estimate, std_error = means$se),
    data.frame(data = name, ties = ties, term = "difference", level = differences$B, versus = differences$A, time = differences$time,
               estimate = differences$estimate, std_error = differences$se))
}
arms$any <- as.integer(arms$cause > 0)
arms$untied <- arms$time + 0.001 * seq_len(nrow(arms))
put(rbind(gformula("untied", arms, Surv(untied, any) ~ arm + age + sex, "arm", c(20, 45), "efron"),
          gformula("untied", arms, Surv(untied, any) ~ site + age + sex + arm, "site", c(20, 45), "breslow")), "gformula")
# With tied events the errors of `ate` 2022.11.28 are up to 8 % away from the derivative by each person's weight, taken numerically
# here: central differences at two steps, extrapolated.
numerical <- function(name, frame, formula, treatment, times, ties) {
  levels <- sort(unique(frame[[treatment]])); n <- nrow(frame)
  value <- function(w) {
    assign("people_", cbind(frame, w_ = w), envir = globalenv())
    fit <- eval(bquote(coxph(.(formula), people_, weights = w_, ties = .(ties), robust = FALSE,
                             control = coxph.control(eps = 1e-12, toler.chol = 1e-14, iter.max = 50))))
    hazard <- basehaz(fit, centered = TRUE)
    unlist(lapply(levels, function(level) {
      moved <- frame; moved[[treatment]] <- if (is.factor(frame[[treatment]])) factor(level, levels(frame[[treatment]])) else level
      risk <- predict(fit, moved, type = "risk", reference = "sample")
      sapply(times, function(t) weighted.mean(exp(-hazard$hazard[sum(hazard$time <= t)] * risk), w))
    }))
  }
  slope <- function(i, h) { up <- down <- rep(1, n); up[i] <- 1 + h; down[i] <- 1 - h; (value(up) - value(down)) / (2 * h) }
  influence <- sapply(seq_len(n), function(i) (4 * slope(i, 0.01) - slope(i, 0.02)) / 3)
  estimate <- value(rep(1, n)); m <- length(times)
  own <- data.frame(data = name, ties = ties, term = "risk", level = as.character(rep(levels, each = m)), versus = "", time = times, estimate = 1 - estimate,
                    std_error = sqrt(rowSums(influence^2)))
  first <- seq_len(m)
  others <- do.call(rbind, lapply(seq_along(levels)[-1], function(k) {
    at <- (k - 1) * m + first
    data.frame(data = name, ties = ties, term = "difference", level = as.character(levels[k]), versus = as.character(levels[1]), time = times,
               estimate = estimate[first] - estimate[at], std_error = sqrt(rowSums((influence[at, , drop = FALSE] - influence[first, , drop = FALSE])^2)))
  }))
  rbind(own, others)
}
arms$site <- factor(arms$site)
put(rbind(
  numerical("arms", arms, Surv(time, any) ~ site + age + sex + arm, "site", c(20, 45), "breslow"),
  numerical("arms", arms, Surv(time, any) ~ site + age + sex + arm, "site", c(20, 45), "efron"),
  numerical("arms", arms, Surv(time, any) ~ arm + age + sex, "arm", c(20, 45), "efron")), "numerical")
arms$site <- as.character(arms$site)
efron <- function(name, frame, fit, treatment, times) {
  do.call(rbind, lapply(sort(unique(frame[[treatment]])), function(level) {
    moved <- frame; moved[[treatment]] <- level
    found <- summary(survfit(fit, newdata = moved, se.fit = FALSE), times = times)
    data.frame(data = name, level = level, time = times, estimate = rowMeans(matrix(found$surv, nrow = length(times))))
  }))
}
put(rbind(
  efron("rossi", rossi, coxph(Surv(week, arrest) ~ fin * wexp + log(age) + prio, rossi, eps = 1e-12, toler.chol = 1e-14, iter.max = 50), "fin", c(20, 40)),
  efron("arms", arms, coxph(Surv(time, any) ~ site * sex + age + arm, arms, eps = 1e-12, toler.chol = 1e-14, iter.max = 50), "site", c(20, 45)),
  efron("arms strata", arms, coxph(Surv(time, any) ~ arm + age + strata(sex), arms, eps = 1e-12, toler.chol = 1e-14, iter.max = 50), "arm", c(20, 45))), "efron")

# ---- inverse-probability weights: glm, multinom, weighted survfit ---------------------------------------------------------
tight <- glm.control(epsilon = 1e-15, maxit = 100)
weigh <- function(name, frame, by, formula, times, event) {
  if (length(unique(frame[[by]])) == 2) {
    p <- fitted(glm(formula, binomial, frame, control = tight)); p <- cbind(1 - p, p)
  } else p <- fitted(multinom(formula, frame, reltol = 1e-16, abstol = 1e-16, maxit = 5000, trace = FALSE))
  frame$w <- 1 / p[cbind(seq_len(nrow(frame)), as.integer(factor(frame[[by]])))]
  out <- list()
  for (level in sort(unique(frame[[by]]))) {
    part <- frame[frame[[by]] == level, ]
    km <- survfit(Surv(part[[1]], part[[event]] > 0) ~ 1, weights = part$w)
    # Standard errors with the weights taken as known, by the infinitesimal jackknife.
    km <- survfit(Surv(part[[1]], part[[event]] > 0) ~ 1, weights = part$w, robust = TRUE)
    found <- summary(km, times = times, extend = TRUE)
    out[[paste(level)]] <- data.frame(data = name, level = level, cause = "none", time = times, estimate = found$surv,
                                      known = found$std.err, effective = sum(part$w)^2 / sum(part$w^2))
    if (max(frame[[event]]) > 1) {
      aj <- survfit(Surv(part[[1]], factor(part[[event]], 0:2)) ~ 1, weights = part$w, id = seq_len(nrow(part)))
      found <- summary(aj, times = times, extend = TRUE)
      for (cause in 1:2) out[[paste(level, cause)]] <- data.frame(data = name, level = level, cause = cause, time = times,
        estimate = found$pstate[, 1 + cause], known = found$std.err[, 1 + cause], effective = sum(part$w)^2 / sum(part$w^2))
    }
  }
  do.call(rbind, out)
}
put(rbind(
  weigh("rossi", rossi, "wexp", wexp ~ prio + mar + fin, c(20, 40), "arrest"),
  weigh("arms", arms, "arm", arm ~ age + sex, c(20, 45), "cause"),
  weigh("sites", arms, "site", site ~ age + sex + arm, c(20, 45), "cause")), "weighted")
