# Reference numbers of R's survival (LGPL) and coin (GPL), which are run, not copied. From the repository's root:
#   Rscript tests/parity/survival_ranks/scripts/reference.R
# Reads tests/parity/survival/inputs/*.csv, writes reference/*.csv with 15 significant digits.
suppressMessages({library(survival); library(coin)})
input <- function(name) read.csv(file.path("tests/parity/survival/inputs", paste0(name, ".csv")))
put <- function(frame, name) {
  for (column in names(frame)) if (is.numeric(frame[[column]])) {
    frame[[column]] <- ifelse(is.na(frame[[column]]), "", sprintf("%.15g", frame[[column]]))
  }
  write.csv(frame, file.path("tests/parity/survival_ranks/reference", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
}
rossi <- input("rossi"); waltons <- input("waltons"); leukemia <- input("leukemia"); ties <- input("ties"); late <- input("late")
rows <- function(time, event, group, stratum = rep(1, length(time)), start = rep(0, length(time)))
  data.frame(start = start, time = time, event = event, group = factor(group), stratum = stratum)
sets <- list(
  list("rossi", "fin", "", rows(rossi$week, rossi$arrest, rossi$fin)),
  list("rossi", "schooling", "", rows(rossi$week, rossi$arrest, rossi$schooling)),
  list("waltons", "group", "", rows(waltons$T, waltons$E, waltons$group)),
  list("leukemia", "Rx", "", rows(leukemia$t, leukemia$status, leukemia$Rx)),
  list("leukemia", "Rx", "sex", rows(leukemia$t, leukemia$status, leukemia$Rx, leukemia$sex)),
  list("ties", "site", "", rows(ties$time, ties$cause == 1, ties$site)),
  list("ties", "site", "sex", rows(ties$time, ties$cause == 1, ties$site, ties$sex)),
  list("late", "group", "", rows(late$stop, late$cause == 1, late$group, start = late$start)))

# ---- hypergeometric family: score tests of Cox's exact partial likelihood, whose information is the hypergeometric variance, of
# indicators times the weight at each event time; trend: of the groups' numbers times the weight ------------------------------
weights <- list(
  "log-rank" = function(n, d) rep(1, length(n)), "gehan-breslow" = function(n, d) n, "tarone-ware" = function(n, d) sqrt(n),
  "peto-peto" = function(n, d) c(1, head(cumprod(1 - d / n), -1)), "prentice" = function(n, d) cumprod(n / (n + d)),
  "prentice-marek" = function(n, d) cumprod(1 - d / (n + 1)),
  "andersen" = function(n, d) c(1, head(cumprod(1 - d / (n + 1)), -1)) * n / (n + 1),
  "fleming-harrington 0 1" = function(n, d) 1 - c(1, head(cumprod(1 - d / n), -1)),
  "fleming-harrington 1 1" = function(n, d) { s <- c(1, head(cumprod(1 - d / n), -1)); s * (1 - s) },
  "fleming-harrington 0.5 2" = function(n, d) { s <- c(1, head(cumprod(1 - d / n), -1)); sqrt(s) * (1 - s)^2 })
expanded <- function(frame, weight) do.call(rbind, lapply(split(frame, frame$stratum), function(part) {
  at <- sort(unique(part$time[part$event == 1]))
  n <- sapply(at, function(t) sum((part$start < t | part$start == 0) & part$time >= t))
  d <- sapply(at, function(t) sum(part$time == t & part$event == 1))
  do.call(rbind, lapply(seq_along(at), function(i) {
    here <- part[(part$start < at[i] | part$start == 0) & part$time >= at[i], ]
    data.frame(when = i, died = here$time == at[i] & here$event == 1, group = here$group, w = weight(n, d)[i], stratum = here$stratum)
  }))
}))
score <- function(frame, weight, trend) {
  made <- expanded(frame, weight)
  x <- if (trend) as.numeric(made$group) * made$w else (model.matrix(~ group, made)[, -1, drop = FALSE] * made$w)
  # Each event time of each stratum is a risk set of its own: conditional logistic regression, started and left at 0.
  fit <- coxph(Surv(rep(1, nrow(made)), died) ~ x + strata(stratum, when), made, ties = "exact", iter.max = 0, init = rep(0, NCOL(x)))
  fit$score
}
put(do.call(rbind, lapply(sets, function(s) do.call(rbind, lapply(names(weights), function(w)
  data.frame(data = s[[1]], by = s[[2]], strata = s[[3]], weights = w, statistic = score(s[[4]], weights[[w]], FALSE),
             trend = score(s[[4]], weights[[w]], TRUE)))))), "family")

# ---- permutation law: coin ------------------------------------------------------------------------------------------------
types <- c("logrank", "Gehan-Breslow", "Tarone-Ware", "Peto-Peto", "Prentice", "Prentice-Marek", "Andersen-Borgan-Gill-Keiding")
# coin scores people over all strata together; ours, as the stratified log-rank test, within each: its own scores, stratum by stratum.
within <- function(frame, type) {
  out <- numeric(nrow(frame))
  for (s in levels(frame$stratum)) {
    here <- frame$stratum == s
    out[here] <- logrank_trafo(Surv(frame$time[here], frame$event[here]), type = type)
  }
  out
}
permuted <- function(s, type) {
  frame <- s[[4]]; frame$stratum <- factor(frame$stratum); frame$y <- within(frame, type)
  form <- if (s[[3]] == "") Surv(time, event) ~ group else y ~ group | stratum
  ask <- function(data) if (s[[3]] == "") logrank_test(form, data, type = type) else
    independence_test(form, data, teststat = if (is.ordered(data$group)) "scalar" else "quadratic")
  value <- as.numeric(statistic(ask(frame)))
  trend <- frame; trend$group <- ordered(trend$group)
  line <- as.numeric(statistic(ask(trend)))^2
  data.frame(data = s[[1]], by = s[[2]], strata = s[[3]], type = type,
             statistic = if (nlevels(frame$group) == 2 && s[[3]] == "") value^2 else value, trend = line)
}
put(do.call(rbind, lapply(sets[1:7], function(s) do.call(rbind, lapply(types, function(type) permuted(s, type))))), "permutation")

# ---- all arrangements: coin's exact distribution, two groups ------------------------------------------------------------------
few <- leukemia[c(13:21, 22:30), ]
put(do.call(rbind, lapply(types[c(1, 2, 4)], function(type) {
  found <- logrank_test(Surv(t, status) ~ factor(Rx), few, type = type, distribution = exact(algorithm = "split-up"))
  data.frame(type = type, statistic = as.numeric(statistic(found))^2, p = as.numeric(pvalue(found)))
})), "exact")

# ---- pairs: survdiff on two groups at a time, p.adjust --------------------------------------------------------------------------
pairs <- function(data, frame, rho) {
  groups <- levels(frame$group); two <- combn(groups, 2)
  p <- apply(two, 2, function(g) {
    part <- droplevels(frame[frame$group %in% g, ])
    found <- survdiff(if (length(unique(part$stratum)) > 1) Surv(time, event) ~ group + strata(stratum) else Surv(time, event) ~ group, part, rho = rho)
    c(found$chisq, pchisq(found$chisq, 1, lower.tail = FALSE))
  })
  data.frame(data = data, rho = rho, group = two[1, ], versus = two[2, ], statistic = p[1, ], p = p[2, ],
             holm = p.adjust(p[2, ], "holm"), bh = p.adjust(p[2, ], "BH"))
}
rossi$band <- cut(rossi$age, c(0, 20, 22, 25, 30, 100), labels = c("a", "b", "c", "d", "e"))
put(rbind(pairs("rossi", rows(rossi$week, rossi$arrest, rossi$band), 0), pairs("rossi", rows(rossi$week, rossi$arrest, rossi$band), 1),
          pairs("ties", sets[[7]][[4]], 0)), "pairs")
