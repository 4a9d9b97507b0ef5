# Reference numbers of R's survival (LGPL) and cmprsk (GPL), which are run, not copied. From the repository's root:
#   Rscript tests/parity/survival/scripts/reference.R
# Reads inputs/*.csv, writes reference/*.csv with 15 significant digits.
suppressMessages({library(survival); library(cmprsk)})
here <- "tests/parity/survival"
input <- function(name) read.csv(file.path(here, "inputs", paste0(name, ".csv")))
put <- function(frame, name) {
  for (column in names(frame)) if (is.numeric(frame[[column]])) {
    frame[[column]] <- ifelse(is.na(frame[[column]]), "", sprintf("%.15g", frame[[column]]))
  }
  write.csv(frame, file.path(here, "reference", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
}
rossi <- input("rossi"); waltons <- input("waltons"); leukemia <- input("leukemia")
ties <- input("ties"); late <- input("late"); changing <- input("changing")
bare <- function(names) sub("^[^=]*=", "", names)

# ---- Kaplan-Meier, Nelson-Aalen ------------------------------------------------------------------------------------
conf_types <- c("plain", "log", "log-log", "logit", "arcsin")
curve <- function(data, formula, frame, ...) {
  made <- lapply(conf_types, function(type) {
    args <- list(formula = formula, data = frame, conf.type = type, ...)
    fit <- do.call(survfit, args)
    groups <- if (is.null(fit$strata)) "" else bare(rep(names(fit$strata), fit$strata))
    list(fit = fit, groups = groups)
  })
  fit <- made[[1]]$fit
  steps <- data.frame(data = data, group = made[[1]]$groups, time = fit$time, n_risk = fit$n.risk, n_event = fit$n.event,
                      n_censor = fit$n.censor, estimate = fit$surv)
  # R keeps the error of log S, but under robust = TRUE that of S.
  steps$std_error <- fit$std.err * if (fit$logse) fit$surv else 1
  steps$hazard <- fit$cumhaz; steps$hazard_error <- fit$std.chaz
  for (i in seq_along(conf_types)) {
    steps[[paste0("low.", conf_types[i])]] <- made[[i]]$fit$lower
    steps[[paste0("high.", conf_types[i])]] <- made[[i]]$fit$upper
  }
  quantiles <- do.call(rbind, lapply(c(1, 3), function(i) {
    found <- quantile(made[[i]]$fit, c(.1, .25, .5, .75))
    groups <- unique(made[[i]]$groups)
    do.call(rbind, lapply(seq_along(groups), function(g) {
      pick <- function(m) if (is.matrix(m)) m[g, ] else m
      data.frame(data = data, group = groups[g], conf_type = conf_types[i], p = c(.1, .25, .5, .75),
                 estimate = pick(found$quantile), low = pick(found$lower), high = pick(found$upper))
    }))
  }))
  areas <- do.call(rbind, lapply(c(9, 15.5), function(t) {
    found <- survival:::survmean(fit, rmean = t)$matrix
    found <- if (is.matrix(found)) found else t(found)
    data.frame(data = data, group = unique(made[[1]]$groups), t = t, estimate = found[, "rmean"], std_error = found[, "se(rmean)"])
  }))
  list(steps = steps, quantiles = quantiles, areas = areas)
}
curves <- list(
  curve("rossi", Surv(week, arrest) ~ fin, rossi),
  curve("waltons", Surv(T, E) ~ group, waltons),
  curve("leukemia", Surv(t, status) ~ Rx, leukemia),
  curve("ties", Surv(time, cause > 0) ~ site, ties),
  curve("ties-count", Surv(time, cause > 0) ~ site, ties, weights = ties$count, robust = FALSE),
  curve("ties-sampling", Surv(time, cause > 0) ~ site, ties, weights = ties$weight, robust = TRUE),
  curve("late", Surv(start, stop, cause == 1) ~ group, late),
  curve("late-all", Surv(start, stop, cause == 1) ~ 1, late),
  curve("changing", Surv(start, stop, event) ~ site, changing, id = changing$id, robust = FALSE)
)
put(do.call(rbind, lapply(curves, `[[`, "steps")), "curves")
put(do.call(rbind, lapply(curves, `[[`, "quantiles")), "quantiles")
put(do.call(rbind, lapply(curves, `[[`, "areas")), "areas")

# ---- Aalen-Johansen ------------------------------------------------------------------------------------------------
incidence <- function(data, formula, frame, ...) {
  fits <- lapply(c("log-log", "plain", "log"), function(type) do.call(survfit, list(formula = formula, data = frame, conf.type = type, ...)))
  fit <- fits[[1]]
  groups <- if (is.null(fit$strata)) rep("", length(fit$time)) else bare(rep(names(fit$strata), fit$strata))
  do.call(rbind, lapply(seq_along(fit$states), function(k) data.frame(
    data = data, group = groups, cause = fit$states[k], time = fit$time, n_risk = fit$n.risk[, 1], estimate = fit$pstate[, k],
    std_error = fit$std.err[, k], low = fit$lower[, k], high = fit$upper[, k], low.plain = fits[[2]]$lower[, k],
    high.plain = fits[[2]]$upper[, k], low.log = fits[[3]]$lower[, k], high.log = fits[[3]]$upper[, k])))
}
exits <- function(cause) factor(cause, 0:3, c("censor", "one", "two", "three"))
two <- function(cause) factor(cause, 0:2, c("censor", "one", "two"))
ties$exit <- exits(ties$cause); late$exit <- two(late$cause)
put(rbind(
  incidence("ties", Surv(time, exit) ~ site, ties),
  incidence("ties-all", Surv(time, exit) ~ 1, ties),
  incidence("ties-sampling", Surv(time, exit) ~ 1, ties, weights = ties$weight),
  incidence("late", Surv(start, stop, exit) ~ group, late, id = late$id),
  incidence("rossi", Surv(week, factor(arrest * (1 + (week > 25)), 0:2, c("censor", "one", "two"))) ~ fin, rossi)
), "incidence")
aalen <- function(data, time, cause, group) {
  fit <- cuminc(time, cause, group)
  do.call(rbind, lapply(names(fit)[names(fit) != "Tests"], function(name) {
    where <- regmatches(name, regexec("^(.*) ([0-9]+)$", name))[[1]]
    at <- sort(unique(time[group == where[2]]))
    # cuminc draws corners: the last row at or before a time holds the value there.
    row <- findInterval(at, fit[[name]]$time)
    data.frame(data = data, group = where[2], cause = as.integer(where[3]), time = at, estimate = fit[[name]]$est[row],
               variance = fit[[name]]$var[row])
  }))
}
put(rbind(
  aalen("ties", ties$time + 0, ties$cause, ties$site),
  aalen("rossi", rossi$week, rossi$arrest * (1 + (rossi$week > 25)), rossi$fin),
  aalen("waltons", waltons$T, waltons$E * (1 + (waltons$T > 50)), waltons$group)
), "aalen")

# ---- log-rank ------------------------------------------------------------------------------------------------------
rank_test <- function(data, test, formula, frame, rho, groups) {
  fit <- survdiff(formula, data = frame, rho = rho)
  total <- function(x) if (is.matrix(x)) rowSums(x) else x
  data.frame(data = data, test = test, rho = rho, statistic = fit$chisq, df = length(fit$n) - 1, group = groups,
             observed = total(fit$obs), expected = total(fit$exp))
}
put(do.call(rbind, lapply(c(0, 1, 0.5), function(rho) rbind(
  rank_test("rossi", "fin", Surv(week, arrest) ~ fin, rossi, rho, 0:1),
  rank_test("rossi", "schooling", Surv(week, arrest) ~ schooling, rossi, rho, c("middle", "older", "young")),
  rank_test("waltons", "group", Surv(T, E) ~ group, waltons, rho, c("control", "miR-137")),
  rank_test("leukemia", "Rx", Surv(t, status) ~ Rx + strata(sex), leukemia, rho, 0:1),
  rank_test("ties", "site", Surv(time, cause == 1) ~ site, ties, rho, c("east", "north", "west")),
  rank_test("ties", "site within sex", Surv(time, cause == 1) ~ site + strata(sex), ties, rho, c("east", "north", "west"))
))), "rank_tests")

# ---- Cox -----------------------------------------------------------------------------------------------------------
tight <- coxph.control(eps = 1e-14, iter.max = 60, toler.chol = 1e-13)
terms_of <- list(); fits_of <- list()
cox <- function(data, model, formula, frame, ...) {
  fit <- do.call(coxph, list(formula = formula, data = frame, control = tight, ...))
  robust <- !is.null(fit$naive.var)
  spread <- sqrt(diag(fit$var)); naive <- if (robust) sqrt(diag(fit$naive.var)) else spread
  missing <- is.na(coef(fit)); spread[missing] <- NA; naive[missing] <- NA
  terms_of[[length(terms_of) + 1]] <<- data.frame(
    data = data, model = model, term = names(coef(fit)), estimate = coef(fit), std_error = spread, naive = naive)
  said <- summary(fit)
  fits_of[[length(fits_of) + 1]] <<- data.frame(
    data = data, model = model, n = fit$n, n_events = fit$nevent, null = fit$loglik[1], log_likelihood = fit$loglik[2],
    lr = said$logtest[1], wald = fit$wald.test, score = fit$score, df = said$logtest[2], concordance = unname(fit$concordance["concordance"]))
}
cox("rossi", "plain", Surv(week, arrest) ~ fin + age + race + wexp + mar + paro + prio, rossi)
cox("rossi", "factor", Surv(week, arrest) ~ fin + schooling + prio, rossi)
cox("rossi", "strata", Surv(week, arrest) ~ fin + age + prio + strata(wexp, mar), rossi)
cox("rossi", "cluster", Surv(week, arrest) ~ fin + age + prio, rossi, cluster = rossi$age)
cox("rossi", "breslow", Surv(week, arrest) ~ fin + age + prio, rossi, ties = "breslow")
cox("rossi", "transforms", Surv(week, arrest) ~ fin * wexp + log(age), rossi)
cox("leukemia", "plain", Surv(t, status) ~ Rx + logWBC, leukemia)
cox("leukemia", "strata", Surv(t, status) ~ Rx + logWBC + strata(sex), leukemia)
cox("waltons", "plain", Surv(T, E) ~ group, waltons)
cox("ties", "plain", Surv(time, cause == 1) ~ age + site + sex, ties)
cox("ties", "second", Surv(time, cause == 2) ~ age + site + sex, ties)
cox("ties", "cluster", Surv(time, cause == 1) ~ age + site + sex, ties, cluster = ties$cluster)
cox("ties", "cluster strata", Surv(time, cause == 1) ~ age + sex + strata(site), ties, cluster = ties$cluster)
cox("ties", "count", Surv(time, cause == 1) ~ age + site + sex, ties[rep(seq_len(nrow(ties)), ties$count), ])
cox("ties", "sampling", Surv(time, cause == 1) ~ age + site + sex, ties, weights = ties$weight, cluster = ties$cluster)
cox("ties", "sampling robust", Surv(time, cause == 1) ~ age + site + sex, ties, weights = ties$weight, robust = TRUE)
cox("late", "plain", Surv(start, stop, cause == 1) ~ x + z, late)
cox("late", "strata", Surv(start, stop, cause == 1) ~ x + z + strata(group), late)
cox("late", "cluster", Surv(start, stop, cause == 1) ~ x + z, late, cluster = late$cluster)
cox("late", "breslow", Surv(start, stop, cause == 1) ~ x + z, late, ties = "breslow")
cox("changing", "plain", Surv(start, stop, event) ~ arm + x + site, changing)
cox("changing", "cluster", Surv(start, stop, event) ~ arm + x + site, changing, cluster = changing$id)
cox("changing", "cluster strata", Surv(start, stop, event) ~ arm + x + strata(site), changing, cluster = changing$id)
rossi$twice <- 2 * rossi$age - rossi$fin
cox("rossi", "aliased", Surv(week, arrest) ~ fin + age + twice + prio, rossi)
put(do.call(rbind, terms_of), "cox_terms")
put(do.call(rbind, fits_of), "cox_fits")

base <- function(data, formula, frame, ...) {
  fit <- do.call(coxph, list(formula = formula, data = frame, control = tight, ...))
  found <- basehaz(fit, centered = FALSE)
  data.frame(data = data, stratum = if (is.null(found$strata)) "" else bare(as.character(found$strata)), time = found$time, hazard = found$hazard)
}
put(rbind(
  base("rossi", Surv(week, arrest) ~ fin + age + prio, rossi),
  base("ties", Surv(time, cause == 1) ~ age + strata(site), ties),
  base("late", Surv(start, stop, cause == 1) ~ x + z, late)
), "baseline")
