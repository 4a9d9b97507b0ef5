# Reference numbers of R's cmprsk (GPL) and survival (LGPL), which are run, not copied. From the repository's root:
#   Rscript tests/parity/survival_competing/scripts/reference.R
# Reads inputs/*.csv of this folder and of tests/parity/survival, writes reference/*.csv with 15 significant digits.
suppressMessages({library(survival); library(cmprsk)})
here <- "tests/parity/survival_competing"
shared <- function(name) read.csv(file.path("tests/parity/survival/inputs", paste0(name, ".csv")))
put <- function(frame, name) {
  for (column in names(frame)) if (is.numeric(frame[[column]])) {
    frame[[column]] <- ifelse(is.na(frame[[column]]), "", sprintf("%.15g", frame[[column]]))
  }
  write.csv(frame, file.path(here, "reference", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
}
continuous <- read.csv(file.path(here, "inputs", "continuous.csv"))
ties <- shared("ties"); late <- shared("late"); rossi <- shared("rossi"); waltons <- shared("waltons")
rossi$cause <- rossi$arrest * (1 + (rossi$week > 25))
waltons$cause <- waltons$E * (1 + (waltons$T > 50))

# ---- Fine-Gray: crr ------------------------------------------------------------------------------------------------
residuals_of <- list(); terms_of <- list(); fits_of <- list(); predictions_of <- list()
fg <- function(data, model, time, cause, x, failcode = 1, profiles = NULL, times = NULL, ...) {
  fit <- crr(time, cause, x, failcode = failcode, gtol = 1e-13, maxiter = 100, ...)
  terms_of[[length(terms_of) + 1]] <<- data.frame(data = data, model = model, term = colnames(x), estimate = unname(fit$coef),
                                                 std_error = sqrt(diag(fit$var)))
  fits_of[[length(fits_of) + 1]] <<- data.frame(data = data, model = model, log_likelihood = fit$loglik, null = fit$loglik.null)
  if (!is.null(profiles)) {
    residuals_of[[length(residuals_of) + 1]] <<- data.frame(data = data, model = model, time = fit$uftime, first = fit$res[, 1],
                                                            last = fit$res[, ncol(fit$res)])
    curve <- predict(fit, profiles)
    row <- findInterval(times, curve[, 1])
    for (k in seq_len(nrow(profiles))) predictions_of[[length(predictions_of) + 1]] <<- data.frame(
      data = data, model = model, profile = k, time = times, estimate = c(0, curve[, k + 1])[row + 1])
  }
}
xt <- model.matrix(~ age + site + sex, ties)[, -1]
profiles <- rbind(c(20, 0, 0, 0), c(25, 0, 1, 1))
fg("ties", "one", ties$time, ties$cause, xt, profiles = profiles, times = c(0, 5, 20.5, 40))
fg("ties", "two", ties$time, ties$cause, xt, failcode = 2, profiles = profiles, times = c(0, 5, 20.5, 40))
fg("ties", "groups", ties$time, ties$cause, xt, cengroup = ties$site)
again <- rep(seq_len(nrow(ties)), ties$count)
fg("ties", "count", ties$time[again], ties$cause[again], xt[again, ])
xc <- as.matrix(continuous[, c("x", "arm")])
fg("continuous", "one", continuous$time, continuous$cause, xc, profiles = rbind(c(0.5, 1), c(-1, 0)), times = c(1, 10, 30))
fg("continuous", "two", continuous$time, continuous$cause, xc, failcode = 2)
fg("continuous", "groups", continuous$time, continuous$cause, xc, cengroup = continuous$group)
fg("rossi", "two", rossi$week, rossi$cause, as.matrix(rossi[, c("fin", "age", "prio")]), failcode = 2)
fg("waltons", "one", waltons$T, waltons$cause, cbind(`group[miR-137]` = as.numeric(waltons$group == "miR-137")))
put(do.call(rbind, terms_of), "crr_terms"); put(do.call(rbind, fits_of), "crr_fits")
put(do.call(rbind, predictions_of), "crr_predictions"); put(do.call(rbind, residuals_of), "crr_residuals")

# ---- Fine-Gray: finegray + coxph -----------------------------------------------------------------------------------
tight <- coxph.control(eps = 1e-13, iter.max = 60, toler.chol = 1e-14)
late$exit <- factor(late$cause, 0:2, c("censor", "one", "two"))
continuous$exit <- factor(continuous$cause, 0:2, c("censor", "one", "two")); continuous$id <- seq_len(nrow(continuous))
weighted <- function(data, model, formula, frame, etype, fit_formula, whose) {
  wide <- finegray(formula, data = frame, id = id, etype = etype)
  fit <- do.call(coxph, list(formula = fit_formula, weights = wide$fgwt, data = wide, ties = "breslow",
                             cluster = wide[[whose]], control = tight))
  data.frame(data = data, model = model, term = names(coef(fit)), estimate = unname(coef(fit)), std_error = sqrt(diag(fit$var)),
             log_likelihood = fit$loglik[2], null = fit$loglik[1])
}
start <- Surv(start, stop, exit) ~ .
plain <- Surv(fgstart, fgstop, fgstatus) ~ x + z
# finegray keeps id only when it is a covariate too.
late$who <- late$id; continuous$who <- continuous$id
put(rbind(
  weighted("late", "one", start, late, "one", plain, "who"),
  weighted("late", "two", start, late, "two", plain, "who"),
  weighted("late", "cluster", start, late, "one", plain, "cluster"),
  weighted("late", "strata", Surv(start, stop, exit) ~ . + strata(group), late, "one",
           Surv(fgstart, fgstop, fgstatus) ~ x + z + strata(group), "who"),
  weighted("continuous", "one", Surv(time, exit) ~ ., continuous, "one", Surv(fgstart, fgstop, fgstatus) ~ x + arm, "who"),
  weighted("continuous", "cluster", Surv(time, exit) ~ ., continuous, "one", Surv(fgstart, fgstop, fgstatus) ~ x + arm, "cluster")
), "finegray")

# ---- shares from Cox models of every exit: survfit of a multi-state coxph (Breslow's ties, no standard errors in R) ----------
shares <- function(data, fit, profiles, times) {
  curve <- survfit(fit, newdata = profiles)
  row <- findInterval(times, curve$time)
  do.call(rbind, lapply(seq_len(nrow(profiles)), function(k) do.call(rbind, lapply(seq_along(curve$states), function(s) data.frame(
    data = data, profile = k, time = times, cause = curve$states[s],
    estimate = ifelse(row == 0, as.numeric(s == 1), curve$pstate[pmax(row, 1), k, s]))))))
}
ties$who <- seq_len(nrow(ties)); ties$event <- factor(ties$cause, 0:3, c("censor", "one", "two", "three"))
put(rbind(
  shares("ties", coxph(Surv(time, event) ~ age + sex, ties, id = who, ties = "breslow", control = tight),
         data.frame(age = c(20, 25), sex = c("m", "f")), c(0, 5, 20.5, 40)),
  shares("continuous", coxph(Surv(time, exit) ~ x + arm, continuous, id = id, ties = "breslow", control = tight),
         data.frame(x = c(0.5, -1), arm = c(1, 0)), c(1, 10, 30)),
  shares("late", coxph(Surv(start, stop, exit) ~ x + z, late, id = id, ties = "breslow", control = tight),
         data.frame(x = c(0.5, -1), z = c(1, 0)), c(8, 20, 30))
), "shares")

# ---- Gray's test ---------------------------------------------------------------------------------------------------
gray <- function(data, model, ...) {
  found <- cuminc(...)$Tests
  data.frame(data = data, model = model, cause = as.integer(rownames(found)), statistic = found[, "stat"], df = found[, "df"],
             p_value = found[, "pv"])
}
put(rbind(
  gray("ties", "plain", ties$time, ties$cause, ties$site),
  gray("ties", "rho 1", ties$time, ties$cause, ties$site, rho = 1),
  gray("ties", "rho -0.5", ties$time, ties$cause, ties$site, rho = -0.5),
  gray("ties", "strata", ties$time, ties$cause, ties$site, strata = ties$sex),
  gray("ties", "count", ties$time[again], ties$cause[again], ties$site[again]),
  gray("continuous", "plain", continuous$time, continuous$cause, continuous$arm),
  gray("continuous", "strata", continuous$time, continuous$cause, continuous$arm, strata = continuous$group),
  gray("rossi", "plain", rossi$week, rossi$cause, rossi$fin),
  gray("rossi", "strata", rossi$week, rossi$cause, rossi$fin, rho = 1, strata = rossi$wexp),
  gray("waltons", "plain", waltons$T, waltons$cause, waltons$group)
), "gray")

# ---- time lost: survfit's own influences, integrated (summary(rmean = ) recycles them when somebody left on day 0) -------
lost <- function(data, t, formula, frame, counts = 1, ...) {
  fit <- do.call(survfit, list(formula = formula, data = frame, influence = TRUE, ...))
  n <- if (is.null(fit$strata)) length(fit$time) else fit$strata
  groups <- if (is.null(fit$strata)) "" else sub("^[^=]*=", "", names(fit$strata))
  begin <- if (is.matrix(fit$p0)) fit$p0 else t(fit$p0)
  end <- cumsum(n)
  do.call(rbind, lapply(seq_along(n), function(g) {
    rows <- seq(end[g] - n[g] + 1, end[g])
    moved <- if (is.list(fit$influence.pstate)) fit$influence.pstate[[g]] else fit$influence.pstate
    time <- fit$time[rows]; state <- fit$pstate[rows, ]
    if (dim(moved)[2] == length(time) + 1) { time <- c(0, time); state <- rbind(begin[g, ], state) }
    else if (time[1] > 0) { time <- c(0, time); state <- rbind(begin[g, ], state)
      moved <- aperm(apply(moved, c(1, 3), function(u) c(0, u)), c(2, 1, 3)) }
    width <- diff(c(pmin(time, t), t))
    data.frame(data = data, group = groups[g], t = t, cause = fit$states, estimate = colSums(state * width),
               std_error = sapply(seq_along(fit$states), function(k) sqrt(sum((counts * moved[, , k] %*% width)^2))))
  }))
}
ties$exit <- factor(ties$cause, 0:3, c("censor", "one", "two", "three"))
rossi$exit <- factor(rossi$cause, 0:2, c("censor", "one", "two"))
put(rbind(
  lost("ties", 30, Surv(time, exit) ~ site, ties),
  lost("ties-sampling", 25.5, Surv(time, exit) ~ 1, ties, counts = ties$weight, weights = ties$weight),
  lost("late", 30, Surv(start, stop, exit) ~ group, late, id = late$id),
  lost("rossi", 52, Surv(week, exit) ~ fin, rossi),
  lost("continuous", 20, Surv(time, exit) ~ arm, continuous)
), "lost")
