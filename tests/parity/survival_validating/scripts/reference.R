# Reference numbers of R's riskRegression, pec (GPL) and survival (LGPL), which are run, not copied. From the repository's root:
#   Rscript tests/parity/survival_validating/scripts/reference.R
suppressMessages({library(survival); library(prodlim); library(riskRegression); library(pec)})
here <- "tests/parity/survival_validating"
input <- function(name, room = "survival") read.csv(file.path("tests/parity", room, "inputs", paste0(name, ".csv")))
put <- function(frame, name) {
  for (column in names(frame)) if (is.numeric(frame[[column]])) {
    frame[[column]] <- ifelse(is.na(frame[[column]]), "", sprintf("%.15g", frame[[column]]))
  }
  write.csv(frame, file.path(here, "reference", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
}
rossi <- input("rossi"); ties <- input("ties"); arms <- input("arms", "survival_adjusting")
data <- list(
  rossi = list(d = data.frame(time = rossi$week, cause = rossi$arrest), at = c(13, 26, 48)),
  ties = list(d = data.frame(time = ties$time, cause = as.integer(ties$cause > 0)), at = c(5, 15, 30)),
  arms = list(d = data.frame(time = arms$time, cause = as.integer(arms$cause > 0)), at = c(15, 30, 60)),
  armsu = list(d = data.frame(time = arms$time + 0.001 * seq_len(nrow(arms)), cause = as.integer(arms$cause > 0)), at = c(15, 30, 60)),
  tiesc = list(d = data.frame(time = ties$time, cause = ties$cause), at = c(5, 15, 30)),
  armsc = list(d = data.frame(time = arms$time, cause = arms$cause), at = c(15, 30, 60)))

# ---- Brier scores and areas under the ROC curve ----------------------------------------------------------------------
score <- function(name) {
  d <- data[[name]]$d; at <- data[[name]]$at
  risk <- as.matrix(input(paste0(sub("[cu]$", "", name), "_risks"), "survival_validating"))
  formula <- if (max(d$cause) > 1) Hist(time, cause) ~ 1 else Surv(time, cause) ~ 1
  made <- Score(list(m = risk), formula = formula, data = d, times = at, cause = 1, cens.model = "km", se.fit = TRUE, metrics = c("brier", "auc"),
                conservative = FALSE, contrasts = FALSE)
  brier <- as.data.frame(made$Brier$score); auc <- as.data.frame(made$AUC$score)
  rbind(data.frame(data = name, term = ifelse(brier$model == "m", "brier", "reference"), time = brier$times, estimate = brier$Brier, std_error = brier$se),
        data.frame(data = name, term = "auc", time = auc$times, estimate = auc$AUC, std_error = auc$se))
}
put(do.call(rbind, lapply(names(data), score)), "score")

# ---- integrated Brier score of a Cox model and of the marginal curve, at every time ------------------------------------
integrated <- function(name, frame, formula, until) {
  fit <- coxph(formula, frame, x = TRUE, y = TRUE, eps = 1e-12, toler.chol = 1e-14, iter.max = 50)
  marginal <- update(formula, . ~ 1)
  every <- sort(unique(c(frame[[all.vars(formula)[1]]], until)))
  every <- every[every <= until]
  made <- pec(list(cox = fit), formula = marginal, data = frame, times = every, exact = FALSE, start = 0, cens.model = "marginal",
              reference = TRUE, verbose = FALSE)
  area <- crps(made, times = until, start = 0)
  data.frame(data = name, time = until, model = area["cox", 1], reference = area["Reference", 1])
}
arms$any <- as.integer(arms$cause > 0)
put(rbind(integrated("rossi", rossi, Surv(week, arrest) ~ fin + age + prio, 50),
          integrated("arms", arms, Surv(time, any) ~ arm + age + sex, 60)), "integrated")

# ---- concordance ----------------------------------------------------------------------------------------------------------
ranked <- function(name) {
  d <- data[[name]]$d; risk <- input(paste0(name, "_risks"), "survival_validating")$t1
  at <- data[[name]]$at[3]
  do.call(rbind, lapply(list(list("harrell", "n", NULL), list("harrell", "n", at), list("uno", "n/G2", NULL), list("uno", "n/G2", at)), function(k) {
    made <- concordance(Surv(d$time, d$cause) ~ risk, reverse = TRUE, timewt = k[[2]], ymax = k[[3]])
    data.frame(data = name, kind = k[[1]], tau = if (is.null(k[[3]])) NA else k[[3]], estimate = made$concordance, known = sqrt(made$var))
  }))
}
put(do.call(rbind, lapply(c("rossi", "ties", "arms"), ranked)), "concordance")
