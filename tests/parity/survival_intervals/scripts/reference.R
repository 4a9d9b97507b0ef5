# Reference numbers with R: npsurv (Turnbull's curve), survival, glm. Run from the root of the repository.
suppressMessages({library(npsurv); library(survival)})
here <- "tests/parity/survival_intervals"; out <- function(d, name) write.csv(format(d, digits = 15, trim = TRUE), file.path(here, "reference", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)

# ---- Turnbull: masses and likelihood by npsurv (constrained Newton), curve by survfit (which stops early)
pieces <- likelihoods <- curve <- NULL
for (name in c("diabetes", "monthly", "mixed", "followed", "status")) {
  d <- read.csv(file.path(here, "inputs", paste0(name, ".csv"))); d$upper[d$upper == Inf] <- Inf
  for (g in c("all", unique(d$group))) {
    part <- if (g == "all") d else d[d$group == g, ]
    fit <- npsurv(as.matrix(part[, 1:2]), tol = 1e-16, maxit = 2000)
    held <- fit$f$p > 0
    pieces <- rbind(pieces, data.frame(data = name, group = g, lower = fit$f$left[held], upper = fit$f$right[held], mass = fit$f$p[held]))
    likelihoods <- rbind(likelihoods, data.frame(data = name, group = g, log_likelihood = fit$ll, gradient = fit$maxgrad))
    if (g == "all") {
      s <- survfit(Surv(ifelse(part$lower == 0 & part$upper > 0, NA, part$lower), ifelse(part$upper == Inf, NA, part$upper), type = "interval2") ~ 1)
      times <- quantile(part$lower[part$lower > 0], c(.2, .4, .6, .8), names = FALSE, type = 1)
      curve <- rbind(curve, data.frame(data = name, time = times, estimate = summary(s, times = times, extend = TRUE)$surv))
    }
  }
}
out(pieces, "pieces"); out(likelihoods, "likelihoods"); out(curve, "survfit")

# ---- likelihood-ratio interval of a Kaplan-Meier curve: Thomas & Grunkemeier (1975), eq. 3.2, solved for their multiplier
d <- read.csv(file.path(here, "inputs", "followed.csv")); d$event <- is.finite(d$upper)
ratio <- NULL
for (t in c(10, 25, 50)) for (level in c(.9, .95)) {
  at <- sort(unique(d$lower[d$event & d$lower <= t]))
  r <- sapply(at, function(x) sum(d$lower >= x)); k <- sapply(at, function(x) sum(d$event & d$lower == x))
  share <- function(l) prod(1 - k / (r + l))
  fall <- function(l) -2 * sum((r - k) * log(1 + l / (r - k)) - r * log(1 + l / r)) - qchisq(level, 1)
  low <- uniroot(fall, c(max(k - r) + 1e-9, -1e-9), tol = 1e-14)$root; high <- uniroot(fall, c(1e-9, 1e5), tol = 1e-12)$root
  ratio <- rbind(ratio, data.frame(time = t, level = level, estimate = share(0), low = share(low), high = share(high)))
}
out(ratio, "thomas_grunkemeier")

# ---- discrete time: rows made one by one, glm
shared <- "tests/parity/survival/inputs"
same <- function(x) ifelse(abs(x - round(x)) < 1e-9, round(x), x)
expand <- function(start, stop, status, id, x, period, partial, w) {
  rows <- list()
  o <- order(id, start, stop); start <- start[o]; stop <- stop[o]; status <- status[o]; id <- id[o]; x <- x[o, , drop = FALSE]; w <- w[o]
  i <- 1; n <- length(stop)
  while (i <= n) {
    j <- i
    while (j < n && id[j + 1] == id[j] && start[j + 1] == stop[j] && status[j] == 0 && start[j + 1] > start[j]) j <- j + 1
    from <- floor(same(start[i] / period)); to <- max(ceiling(same(stop[j] / period)) - 1, 0)
    for (k in from:to) {
      begin <- k * period; end <- (k + 1) * period
      who <- i:j
      inforce <- who[start[who] <= begin & stop[who] > begin]
      if (!length(inforce)) inforce <- who[stop[who] > begin | k == 0]
      y <- as.integer(k == to && status[j] == 1)
      cutlate <- k == from && start[i] > 0 && start[i] > begin
      cutend <- k == to && status[j] == 0 && (stop[j] < end)
      if (partial == "leave_out" && (cutlate || cutend)) next
      rows[[length(rows) + 1]] <- cbind(data.frame(y = y, k = k + 1, w = w[inforce[1]], id = id[i]), x[inforce[1], , drop = FALSE])
    }
    i <- j + 1
  }
  do.call(rbind, rows)
}
terms <- fits <- predicted <- NULL
fit <- function(model, rows, rhs, link, cluster = NULL, newx = NULL) {
  fam <- if (is.null(rows$quasi)) binomial(link) else binomial(link)
  f <- suppressWarnings(glm(as.formula(paste("y ~", rhs)), family = fam, data = rows, weights = w, epsilon = 1e-15, maxit = 100))
  v <- vcov(f); b <- coef(f)
  se <- sqrt(diag(v))
  if (!is.null(cluster)) {
    mu <- fitted(f); eta <- f$linear.predictors
    u <- model.matrix(f) * (f$prior.weights * (rows$y - mu) * f$family$mu.eta(eta) / (mu * (1 - mu)))
    u <- rowsum(u, rows[[cluster]]); se <- sqrt(diag(v %*% crossprod(u) %*% v))
  }
  terms <<- rbind(terms, data.frame(model = model, term = names(b), estimate = unname(b), std_error = unname(se)))
  p <- fitted(f); fits <<- rbind(fits, data.frame(model = model, rows = sum(rows$w), events = sum(rows$w * rows$y), log_likelihood = sum(rows$w * ifelse(rows$y == 1, log(p), log(1 - p)))))
  if (!is.null(newx)) {
    nd <- cbind(data.frame(k = sort(unique(rows$k))), newx); m <- model.matrix(delete.response(terms.formula(as.formula(paste("y ~", rhs)), data = rows)), nd, xlev = f$xlevels)
    eta <- drop(m %*% b); h <- f$family$linkinv(eta); s <- cumprod(1 - h)
    g <- apply(m * (f$family$mu.eta(eta) / (1 - h)), 2, cumsum)
    predicted <<- rbind(predicted, data.frame(model = model, period = nd$k, hazard = h, hazard_se = sqrt(rowSums((m %*% v) * m)) * f$family$mu.eta(eta), survival = s, survival_se = s * sqrt(rowSums((g %*% v) * g))))
  }
  invisible(f)
}
rossi <- read.csv(file.path(shared, "rossi.csv")); n <- nrow(rossi)
r4 <- expand(rep(0, n), rossi$week, rossi$arrest, 1:n, rossi, 4, "count", rep(1, n))
split <- survSplit(Surv(week, arrest) ~ ., rossi, cut = seq(4, 48, 4), episode = "k"); stopifnot(nrow(split) == nrow(r4), sum(split$arrest) == sum(r4$y))
for (l in c("logit", "cloglog")) {
  fit(paste0("rossi_", l), r4, "factor(k) + fin + age + prio - 1", l, newx = data.frame(fin = 1, age = 20, prio = 2))
  fit(paste0("rossi_quadratic_", l), r4, "k + I(k^2) + fin * wexp", l)
}
fit("rossi_log", r4, "log(k) + schooling", "cloglog"); fit("rossi_constant", r4, "fin", "logit")
fit("rossi_cluster", r4, "factor(k) + fin + prio - 1", "logit", cluster = "age")
ties <- read.csv(file.path(shared, "ties.csv")); n <- nrow(ties)
for (p in c("count", "leave_out")) {
  e <- expand(rep(0, n), ties$time, ifelse(ties$cause == 0, 0, ifelse(ties$cause == 1, 1, 2)), 1:n, ties, 10, p, ties$count)
  fit(paste0("ties_", p), e, "factor(k) + age + site - 1", "logit")
}
e <- expand(rep(0, n), ties$time, ifelse(ties$cause == 0, 0, ifelse(ties$cause == 1, 1, 2)), 1:n, ties, 15, "leave_out", ties$weight)
fit("ties_sampling", e, "k + age + sex", "cloglog", cluster = "cluster")
late <- read.csv(file.path(shared, "late.csv")); n <- nrow(late)
for (p in c("count", "leave_out")) fit(paste0("late_", p), expand(late$start, late$stop, ifelse(late$cause == 0, 0, ifelse(late$cause == 1, 1, 2)), late$id, late, 8, p, rep(1, n)), "k + x + group", "logit", cluster = "cluster")
ch <- read.csv(file.path(shared, "changing.csv"))
for (p in c("count", "leave_out")) fit(paste0("changing_", p), expand(ch$start, ch$stop, ch$event, ch$id, ch, 12, p, rep(1, nrow(ch))), "factor(k) + arm + x - 1", "cloglog", cluster = "id")
out(terms, "terms"); out(fits, "fits"); out(predicted, "predicted")
print(warnings())
