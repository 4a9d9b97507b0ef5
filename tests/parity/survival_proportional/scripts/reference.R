# Reference numbers of R's survival (LGPL), which is run, not copied. From the repository's root:
#   Rscript tests/parity/survival_proportional/scripts/reference.R
# Reads ../survival/inputs/*.csv, writes reference/*.csv with 14 significant digits.
suppressMessages(library(survival))
here <- "tests/parity/survival_proportional"
input <- function(name) read.csv(file.path("tests/parity/survival/inputs", paste0(name, ".csv")))
put <- function(frame, name) {
  for (column in names(frame)) if (is.numeric(frame[[column]])) {
    frame[[column]] <- ifelse(is.na(frame[[column]]), "", sprintf("%.14g", frame[[column]]))
  }
  write.csv(frame, file.path(here, "reference", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
}
rossi <- input("rossi"); leukemia <- input("leukemia"); ties <- input("ties"); late <- input("late"); waltons <- input("waltons"); changing <- input("changing")
tight <- coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-13)
fit <- function(formula, frame, ...) do.call(coxph, list(formula = formula, data = frame, control = tight, x = TRUE, ...))

# ---- fits: exact ties, offsets, robust variants; concordance with its error ----------------------------------------
fits <- list(); terms_of <- list()
add <- function(data, model, formula, frame, ...) {
  made <- fit(formula, frame, ...)
  naive <- if (is.null(made$naive.var)) made$var else made$naive.var
  terms_of[[length(terms_of) + 1]] <<- data.frame(data = data, model = model, term = names(coef(made)), estimate = coef(made),
                                                  std_error = sqrt(diag(made$var)), naive = sqrt(diag(naive)))
  fits[[length(fits) + 1]] <<- data.frame(data = data, model = model, null = made$loglik[1], log_likelihood = made$loglik[2],
                                          score = made$score, concordance = unname(made$concordance["concordance"]),
                                          concordance_error = unname(made$concordance["std"]))
}
surv <- list(rossi = Surv(rossi$week, rossi$arrest), leukemia = Surv(leukemia$t, leukemia$status), ties = Surv(ties$time, ties$cause == 1),
             late = Surv(late$start, late$stop, late$cause == 1), changing = Surv(changing$start, changing$stop, changing$event))
add("rossi", "exact", Surv(week, arrest) ~ fin + age + prio, rossi, ties = "exact")
add("leukemia", "exact", Surv(t, status) ~ Rx + logWBC, leukemia, ties = "exact")
add("leukemia", "exact strata", Surv(t, status) ~ Rx + logWBC + strata(sex), leukemia, ties = "exact")
add("ties", "exact", Surv(time, cause == 1) ~ age + site + sex, ties, ties = "exact")
add("late", "exact", Surv(start, stop, cause == 1) ~ x + z, late, ties = "exact")
few <- changing[changing$id <= 25, ]
add("changing", "exact", Surv(start, stop, event) ~ arm + x + site, few, ties = "exact")
add("ties", "exact offset", Surv(time, cause == 1) ~ age + site + offset(count), ties, ties = "exact")
add("rossi", "offset", Surv(week, arrest) ~ fin + age + offset(prio), rossi)
add("leukemia", "offset", Surv(t, status) ~ Rx + offset(logWBC), leukemia)
add("ties", "offset", Surv(time, cause == 1) ~ age + site + offset(count), ties)
add("late", "offset", Surv(start, stop, cause == 1) ~ x + offset(z), late, ties = "breslow")
add("changing", "offset cluster", Surv(start, stop, event) ~ x + site + offset(arm), changing, cluster = changing$id)
add("rossi", "breslow cluster", Surv(week, arrest) ~ fin + age + prio, rossi, ties = "breslow", cluster = rossi$age)
add("rossi", "robust strata", Surv(week, arrest) ~ fin + age + prio + strata(wexp), rossi, robust = TRUE)
add("leukemia", "robust breslow strata", Surv(t, status) ~ Rx + logWBC + strata(sex), leukemia, ties = "breslow", robust = TRUE)
add("ties", "breslow cluster strata", Surv(time, cause == 1) ~ age + sex + strata(site), ties, ties = "breslow", cluster = ties$cluster)
add("ties", "sampling breslow strata", Surv(time, cause == 1) ~ age + sex + strata(site), ties, ties = "breslow", weights = ties$weight, robust = TRUE)
add("ties", "sampling cluster strata", Surv(time, cause == 1) ~ age + sex + strata(site), ties, weights = ties$weight, cluster = ties$cluster)
add("late", "breslow cluster strata", Surv(start, stop, cause == 1) ~ x + z + strata(group), late, ties = "breslow", cluster = late$cluster)
add("late", "robust", Surv(start, stop, cause == 1) ~ x + z, late, cluster = late$id)
add("changing", "breslow cluster strata", Surv(start, stop, event) ~ arm + x + strata(site), changing, ties = "breslow", cluster = changing$id)
add("changing", "plain", Surv(start, stop, event) ~ arm + x + site, changing)
put(do.call(rbind, terms_of), "terms"); put(do.call(rbind, fits), "fits")

# ---- predictions with errors ---------------------------------------------------------------------------------------
curves <- list()
curve <- function(data, model, made, newdata, times) for (type in c("log", "log-log", "plain")) {
  for (row in seq_len(nrow(newdata))) {
    found <- summary(survfit(made, newdata[row, , drop = FALSE], conf.type = type), times = times, extend = TRUE)
    curves[[length(curves) + 1]] <<- data.frame(data = data, model = model, type = type, row = row - 1, time = found$time, estimate = found$surv,
                                                std_error = found$std.err, low = found$lower, high = found$upper,
                                                hazard = found$cumhaz)
  }
}
relative <- list()
lp <- function(data, model, made, newdata) for (reference in c("strata", "zero")) {
  found <- predict(made, newdata, type = "lp", se.fit = TRUE, reference = reference)
  relative[[length(relative) + 1]] <<- data.frame(data = data, model = model, reference = reference, row = seq_len(nrow(newdata)) - 1,
                                                  estimate = found$fit, std_error = found$se.fit)
}
both <- function(data, model, made, newdata, times) { curve(data, model, made, newdata, times); lp(data, model, made, newdata) }
# R centres 0/1 columns at 0 unless told otherwise: the mean is meant here.
mean_fit <- function(formula, frame, ...) fit(formula, frame, nocenter = NULL, ...)
both("rossi", "plain", mean_fit(Surv(week, arrest) ~ fin + age + prio, rossi), rossi[c(1, 100, 301), ], c(5, 20, 52))
both("rossi", "breslow", mean_fit(Surv(week, arrest) ~ fin + age + prio, rossi, ties = "breslow"), rossi[c(1, 100, 301), ], c(5, 20, 52))
both("leukemia", "strata", mean_fit(Surv(t, status) ~ Rx + logWBC + strata(sex), leukemia), leukemia[c(1, 22, 40), ], c(3, 8, 12))
both("ties", "sampling", mean_fit(Surv(time, cause == 1) ~ age + site, ties, weights = ties$weight, cluster = ties$cluster), ties[c(2, 9, 33), ], c(0, 10, 30))
both("late", "strata", mean_fit(Surv(start, stop, cause == 1) ~ x + z + strata(group), late), late[c(1, 2, 30), ], c(6, 18, 33))
both("changing", "cluster", mean_fit(Surv(start, stop, event) ~ arm + x + site, changing, cluster = changing$id), changing[c(1, 2, 77), ], c(9, 30, 60))
curve("rossi", "exact", fit(Surv(week, arrest) ~ fin + age + prio, rossi, ties = "exact"), rossi[c(1, 100), ], c(5, 20, 52))
curve("rossi", "offset", fit(Surv(week, arrest) ~ fin + age + offset(prio / 10), rossi), rossi[c(1, 100), ], c(5, 20, 52))
put(do.call(rbind, curves), "curves"); put(do.call(rbind, relative), "relative")
# On new data R, as we, takes the whole hazard up to a person's time; on its own rows an event shares its time with tied ones.
expected <- function(data, model, made, frame) {
  found <- predict(made, newdata = frame, type = "expected", se.fit = TRUE)
  keep <- seq(1, length(found$fit), by = 7)
  data.frame(data = data, model = model, row = keep - 1, estimate = found$fit[keep], std_error = found$se.fit[keep])
}
put(rbind(
  expected("rossi", "plain", fit(Surv(week, arrest) ~ fin + age + prio, rossi), rossi),
  expected("leukemia", "strata", fit(Surv(t, status) ~ Rx + logWBC + strata(sex), leukemia), leukemia),
  expected("ties", "breslow", fit(Surv(time, cause == 1) ~ age + site + sex, ties, ties = "breslow"), ties),
  expected("waltons", "plain", fit(Surv(T, E) ~ group, waltons), waltons)
), "expected")

# ---- residuals: every ninth row (or event) -------------------------------------------------------------------------
rest <- list()
kinds <- c(martingale = "martingale", deviance = "deviance", score = "score", dfbeta = "dfbeta", dfbetas = "dfbetas", schoenfeld = "schoenfeld",
           scaled_schoenfeld = "scaledsch")
residuals_of <- function(data, model, made, collapse = NULL) for (kind in names(kinds)) for (weighted in c(FALSE, TRUE)) {
  # Of weighted Schoenfeld residuals R multiplies events in order of time by weights in order of rows.
  if (weighted && (is.null(made$weights) || grepl("deviance|schoenfeld", kind))) next
  if (!is.null(collapse) && grepl("schoenfeld", kind)) next
  found <- if (is.null(collapse)) residuals(made, kinds[[kind]], weighted = weighted) else residuals(made, kinds[[kind]], weighted = weighted, collapse = collapse)
  # R's deviance of several events leaves out a term: those are not compared.
  if (kind == "deviance" && !is.null(collapse)) found[rowsum(as.numeric(made$y[, ncol(made$y)]), collapse) > 1] <- NA
  found <- as.matrix(found)
  # Within a tied time R keeps its own order of events: sums over a time are compared.
  if (grepl("schoenfeld", kind)) {
    strata <- attr(residuals(made, "schoenfeld"), "strata")
    key <- as.numeric(rownames(found))
    if (!is.null(strata)) key <- key + 1000 * rep(seq_along(strata) - 1, strata)
    found <- rowsum(found, key)
  }
  keep <- seq(1, nrow(found), by = 9)
  rest[[length(rest) + 1]] <<- data.frame(data = data, model = model, kind = kind, weighted = as.integer(weighted),
    row = rep(if (is.null(collapse) && !grepl("schoenfeld", kind)) keep - 1 else as.numeric(rownames(found)[keep]), ncol(found)),
    column = rep(seq_len(ncol(found)) - 1, each = length(keep)), value = as.vector(found[keep, ]))
}
residuals_of("rossi", "plain", fit(Surv(week, arrest) ~ fin + prio, rossi))
residuals_of("leukemia", "strata", fit(Surv(t, status) ~ Rx + logWBC + strata(sex), leukemia))
residuals_of("ties", "breslow", fit(Surv(time, cause == 1) ~ age + sex, ties, ties = "breslow"))
residuals_of("ties", "sampling", fit(Surv(time, cause == 1) ~ age + sex, ties, weights = ties$weight, cluster = ties$cluster))
residuals_of("late", "plain", fit(Surv(start, stop, cause == 1) ~ x + z, late))
residuals_of("changing", "strata", fit(Surv(start, stop, event) ~ arm + x + strata(site), changing))
residuals_of("changing", "collapse", fit(Surv(start, stop, event) ~ arm + x, changing), collapse = changing$id)
put(do.call(rbind, rest), "residuals")

# ---- proportional hazards ------------------------------------------------------------------------------------------
checks <- list()
zph <- function(data, model, made, transforms = c("km", "identity", "rank", "log")) for (transform in transforms) {
  found <- cox.zph(made, transform)$table
  checks[[length(checks) + 1]] <<- data.frame(data = data, model = model, transform = transform, term = sub("^strata.*", "", rownames(found)),
                                              statistic = found[, 1], df = found[, 2], p = found[, 3])
}
zph("rossi", "plain", fit(Surv(week, arrest) ~ fin + age + race + wexp + mar + paro + prio, rossi))
zph("rossi", "breslow factor", fit(Surv(week, arrest) ~ fin + schooling + prio, rossi, ties = "breslow"))
zph("leukemia", "strata", fit(Surv(t, status) ~ Rx + logWBC + strata(sex), leukemia))
zph("ties", "factor", fit(Surv(time, cause == 1) ~ age + site + sex, ties), c("km", "identity", "rank"))
zph("ties", "sampling", fit(Surv(time, cause == 1) ~ age + site + sex, ties, weights = ties$weight, cluster = ties$cluster), c("km", "identity", "rank"))
zph("late", "strata", fit(Surv(start, stop, cause == 1) ~ x + z + strata(group), late))
zph("changing", "factor", fit(Surv(start, stop, event) ~ arm + x + site, changing))
put(do.call(rbind, checks), "checks")

# ---- profile intervals and Firth's likelihood: coxph only evaluates likelihood and information ---------------------
# No package for Firth's Cox regression is at hand: the penalised likelihood is maximised by optim, and the profile solved by uniroot.
value <- function(formula, frame, beta, penalty, ...) tryCatch({
  at <- coxph(formula, frame, init = beta, control = coxph.control(iter.max = 0), ...)
  found <- at$loglik[1] - penalty * 0.5 * as.numeric(determinant(at$var)$modulus)
  if (is.finite(found)) found else -1e6
}, error = function(e) -1e6) # where the exponential overflows
best <- function(f, start) {
  climb <- function(from) optim(from, f, method = "BFGS", control = list(fnscale = -1, reltol = 1e-16, maxit = 500, ndeps = rep(1e-5, length(from))))
  found <- climb(climb(start)$par)
  list(beta = found$par, value = found$value)
}
profiled <- list()
profile <- function(data, model, penalty, formula, frame, ...) {
  f <- function(b) suppressWarnings(value(formula, frame, b, penalty, ...))
  p <- length(coef(coxph(formula, frame, ...)))
  one <- function() { found <- optimize(f, c(-8, 8), maximum = TRUE, tol = 1e-12); list(beta = found$maximum, value = found$objective) }
  top <- if (p == 1) one() else best(f, rep(0, p))
  spread <- sqrt(diag(coxph(formula, frame, init = top$beta, control = coxph.control(iter.max = 0), ...)$var))
  for (k in seq_len(p)) {
    along <- function(b) {
      if (p == 1) return(f(b))
      start <- top$beta[-k]
      best(function(rest) { all <- numeric(p); all[k] <- b; all[-k] <- rest; f(all) }, start)$value
    }
    goal <- top$value - qchisq(0.95, 1) / 2
    edge <- function(side) uniroot(function(b) along(b) - goal, sort(top$beta[k] + side * c(0.2, 6) * spread[k]), tol = 1e-10)$root
    profiled[[length(profiled) + 1]] <<- data.frame(data = data, model = model, column = k - 1, estimate = top$beta[k], value = top$value,
      std_error = spread[k], low = edge(-1), high = edge(1), root = sign(top$beta[k]) * sqrt(2 * (top$value - along(0))))
  }
}
profile("leukemia", "profile", 0, Surv(t, status) ~ Rx + logWBC, leukemia)
profile("leukemia", "firth", 1, Surv(t, status) ~ Rx + logWBC, leukemia)
profile("leukemia", "firth breslow strata", 1, Surv(t, status) ~ Rx + logWBC + strata(sex), leukemia, ties = "breslow")
profile("late", "firth", 1, Surv(start, stop, cause == 1) ~ x + z, late)
profile("late", "profile strata", 0, Surv(start, stop, cause == 1) ~ x + z + strata(group), late)
profile("ties", "firth", 1, Surv(time, cause == 1) ~ age + sex, ties)
profile("changing", "firth strata", 1, Surv(start, stop, event) ~ arm + x + strata(site), changing)
profile("rossi", "profile", 0, Surv(week, arrest) ~ fin + prio, rossi)
# Of those not treated only the censored are kept: separation.
few <- leukemia[leukemia$Rx == 1 | leukemia$status == 0, ]
profile("leukemia", "firth separated", 1, Surv(t, status) ~ Rx, few)
put(do.call(rbind, profiled), "profiles")
