# R 4.2.2, survival 3.5-3, mets 1.3.2: Rscript tests/parity/survival_recurrent/scripts/reference.R (from the root)
suppressMessages({library(survival); library(mets)})
here <- "tests/parity/survival_recurrent/"
read <- function(name) read.csv(paste0(here, "inputs/", name, ".csv"), stringsAsFactors = FALSE)
put <- function(x, name) {
  for (k in names(x)) if (is.numeric(x[[k]])) x[[k]] <- signif(x[[k]], 15)
  write.csv(x, paste0(here, "reference/", name, ".csv"), row.names = FALSE, quote = FALSE)
}
r <- read("recurrent"); s <- read("smooth")
changing <- read.csv("tests/parity/survival/inputs/changing.csv", stringsAsFactors = FALSE)
tight <- coxph.control(eps = 1e-11, iter.max = 50)

# ---- mean counts ----
steps <- function(data, what, group, time, n, value, error) {
  keep <- n > 0
  data.frame(data = data, what = what, group = group, time = time[keep], estimate = value[keep], std_error = error[keep])
}
engaged <- function(d, name, group) {
  f <- survfit(Surv(start, stop, ev) ~ 1, id = id, data = d)
  steps(name, "engaged", group, f$time, f$n.event, f$cumhaz, f$std.chaz)
}
# One row per stretch of observation, absences filled in, so that whoever is away is there with no event.
whole <- function(d) do.call(rbind, lapply(split(d, d$id), function(p) {
  p <- p[order(p$stop), ]; n <- nrow(p); gone <- p$cause[n] == 2
  end <- if (gone) p$stop[n] else p$until[n]
  from <- c(p$start[1], p$stop[-n])
  out <- data.frame(id = p$id, start = from, stop = p$stop, ev = as.integer(p$cause == 1), dead = as.integer(p$cause == 2))
  if (end > p$stop[n]) out <- rbind(out, data.frame(id = p$id[1], start = p$stop[n], stop = end, ev = 0L, dead = 0L))
  out
}))
# Ghosh & Lin: S(u-) dR(u); the influence from those survfit gives for S and for the cumulative rate.
marginal <- function(d, name, group, terminal = TRUE) {
  w <- whole(d)
  f <- survfit(Surv(start, stop, ev) ~ 1, id = id, data = w, influence = 2)
  if (!terminal) return(steps(name, "no_terminal", group, f$time, f$n.event, f$cumhaz, f$std.chaz))
  g <- survfit(Surv(start, stop, dead) ~ 1, id = id, data = w, influence = 1)
  stopifnot(all(f$time == g$time))
  before <- c(1, g$surv[-length(g$surv)])
  rate <- diff(c(0, f$cumhaz))
  lag <- function(m) cbind(0, m[, -ncol(m), drop = FALSE])
  chaz <- f$influence.chaz; surv <- g$influence.surv
  stopifnot(all(rownames(chaz) == rownames(surv)))
  u <- t(apply(sweep(chaz - lag(chaz), 2, before, "*") + sweep(lag(surv), 2, rate, "*"), 1, cumsum))
  steps(name, "terminal", group, f$time, f$n.event, cumsum(before * rate), sqrt(colSums(u^2)))
}
r$ev <- as.integer(r$cause == 1); changing$ev <- changing$event
smoothed <- transform(s, ev = as.integer(cause == 1), until = ave(stop, id, FUN = max))
counts <- rbind(
  engaged(r, "recurrent", ""), engaged(r[r$arm == 0, ], "recurrent", "0"), engaged(r[r$arm == 1, ], "recurrent", "1"),
  engaged(changing, "changing", ""),
  marginal(r, "recurrent", "", FALSE),
  marginal(r, "recurrent", ""), marginal(r[r$arm == 0, ], "recurrent", "0"), marginal(r[r$arm == 1, ], "recurrent", "1"),
  marginal(smoothed, "smooth", ""))
put(counts, "counts")
# mets: the same estimate where nothing ties; its standard error divides by the number at risk where the derivative divides by
# those who stay.
s$ev <- as.integer(s$cause == 1); s$dead <- as.integer(s$cause == 2)
o <- recurrentMarginal(phreg(Surv(start, stop, ev) ~ cluster(id), data = s), phreg(Surv(start, stop, dead) ~ cluster(id), data = s))
put(data.frame(time = o$times, estimate = o$mu, std_error = o$se.mu), "mets")

# ---- models ----
episode <- function(d) ave(d$ev, d$id, FUN = function(e) 1 + cumsum(e) - e)
r <- r[order(r$id, r$stop), ]; r$enum <- episode(r)
r$begun <- ave(r$start, paste(r$id, r$enum), FUN = min)
r$pooled <- pmin(r$enum, 3)
changing <- changing[order(changing$id, changing$stop), ]; changing$enum <- episode(changing)
changing$begun <- ave(changing$start, paste(changing$id, changing$enum), FUN = min)
fit <- function(name, model, f) data.frame(
  data = name, model = model, k = seq_along(coef(f)), estimate = unname(coef(f)), std_error = sqrt(diag(f$var)),
  log_likelihood = f$loglik[2])
model <- function(f, d, by = "id", ties = "efron") {
  d$by <- d[[by]]
  environment(f) <- environment()
  coxph(f, data = d, control = tight, cluster = by, ties = ties)
}
both <- function(d, name, x) {
  total <- function(rest) as.formula(paste("Surv(start, stop, ev) ~", x, rest))
  gap <- function(rest) as.formula(paste("Surv(start - begun, stop - begun, ev) ~", x, rest))
  rbind(
    fit(name, "ag", model(total(""), d)),
    fit(name, "ag-breslow", model(total(""), d, ties = "breslow")),
    fit(name, "total", model(total("+ strata(enum)"), d)),
    fit(name, "gap", model(gap("+ strata(enum)"), d)))
}
fits <- rbind(
  both(r, "recurrent", "arm + x"), both(changing, "changing", "x"),
  fit("recurrent", "ag-site", model(Surv(start, stop, ev) ~ arm + x, r, by = "site")),
  fit("recurrent", "ag-strata", model(Surv(start, stop, ev) ~ arm + x + strata(site), r)),
  fit("recurrent", "total-pooled", model(Surv(start, stop, ev) ~ arm + x + strata(pooled), r)),
  fit("recurrent", "gap-by-episode", model(Surv(start - begun, stop - begun, ev) ~ arm:factor(pooled) + strata(pooled), r)))
put(fits, "models")
# The Lawless-Nadeau score in its other form: influence at the pooled rate.
put(data.frame(robust_score = summary(model(Surv(start, stop, ev) ~ arm, whole(r) |> merge(unique(r[c("id", "arm")])),
  ties = "breslow"))$robscore["test"]), "score")

# ---- states ----
m <- read("states"); names4 <- unique(c(m$state, m$exit[m$exit != "censored"]))
m$from <- factor(m$state, names4); m$to <- factor(m$exit, c("censored", names4))
long <- function(f, what, group) {
  keep <- rowSums(f$n.event) > 0
  do.call(rbind, lapply(seq_along(f$states), function(k) data.frame(
    what = what, group = group, time = f$time[keep], state = f$states[k], estimate = f$pstate[keep, k], std_error = f$std.err[keep, k])))
}
occupied <- function(what, group, d, w = rep(1, nrow(d)), p0 = NULL) {
  d$w <- w
  args <- list(Surv(start, stop, to) ~ 1, id = quote(person), istate = quote(from), weights = quote(w), data = d, influence = TRUE)
  if (!is.null(p0)) args$p0 <- p0
  long(do.call(survfit, args), what, group)
}
own <- m[m$group == "a", ]
rest <- m[m$group == "b", ]
# influence = TRUE: without it this version leaves the variance of p0 out when somebody comes late.
# Everybody known to begin in one state: late entrants come in where they are.
begun <- m[!(m$person %in% m$person[m$start == 0 & m$state != "engaged"]), ]
put(rbind(
  occupied("plain", "", m), occupied("plain", "a", own), occupied("plain", "b", rest),
  occupied("weights", "", m, m$weight), occupied("start", "", begun, p0 = as.numeric(names4 == "engaged"))), "occupation")
area <- function(d, group, t) {
  x <- summary(survfit(Surv(start, stop, to) ~ 1, id = person, istate = from, data = d, influence = TRUE), rmean = t)$table
  data.frame(group = group, t = t, state = rownames(x), estimate = x[, "rmean"], std_error = x[, "se(rmean)"])
}
put(rbind(area(m, "", 30), area(m, "", 60.5), area(own, "a", 40), area(rest, "b", 40)), "areas")
