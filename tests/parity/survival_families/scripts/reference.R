# Reference numbers of R's survival (LGPL), which is run, not copied, and of likelihoods written out here. From the repository's root:
#   Rscript tests/parity/survival_families/scripts/reference.R
# Reads survival/inputs/*.csv and inputs/*.csv, writes reference/*.csv with 15 significant digits.
suppressMessages(library(survival))
here <- "tests/parity/survival_families"
input <- function(name, room = "survival") read.csv(file.path("tests/parity", room, "inputs", paste0(name, ".csv")))
put <- function(frame, name) {
  for (column in names(frame)) if (is.numeric(frame[[column]])) {
    frame[[column]] <- ifelse(is.na(frame[[column]]), "", sprintf("%.15g", frame[[column]]))
  }
  write.csv(frame, file.path(here, "reference", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
}
rossi <- input("rossi"); waltons <- input("waltons"); leukemia <- input("leukemia"); late <- input("late")
visits <- input("visits", "survival_families"); leavers <- input("leavers", "survival_families")
rossi$fin <- as.numeric(rossi$fin)
waltons$control <- as.numeric(waltons$group == "control")

# ---- survreg -------------------------------------------------------------------------------------------------------
tight <- survreg.control(maxiter = 200, rel.tolerance = 1e-14, toler.chol = 1e-14)
laws <- c(exponential = "exponential", weibull = "weibull", log_normal = "lognormal", log_logistic = "loglogistic")
terms <- fits <- quantiles <- NULL
one <- function(case, formula, data, new = NULL, families = names(laws), ...) for (family in families) {
  args <- list(formula = formula, data = data, dist = laws[[family]], control = tight, ...)
  fit <- do.call(survreg, args)
  beta <- c(coef(fit), if (family != "exponential") log(fit$scale))
  labels <- c(names(coef(fit)), if (family != "exponential") rep("Log(scale)", length(fit$scale)))
  terms <<- rbind(terms, data.frame(case, family, k = seq_along(beta), term = labels, estimate = beta,
                                    std_error = sqrt(diag(vcov(fit))), row.names = NULL))
  fits <<- rbind(fits, data.frame(case, family, log_likelihood = fit$loglik[2], null = fit$loglik[1], aic = AIC(fit),
                                  bic = -2 * fit$loglik[2] + log(sum(fit$weights %||% rep(1, nrow(data)))) * length(beta)))
  if (!is.null(new)) {
    p <- c(.1, .5, .9)
    found <- predict(fit, newdata = new, type = "quantile", p = p, se.fit = TRUE)
    quantiles <<- rbind(quantiles, data.frame(case, family, row = rep(seq_len(nrow(new)) - 1, 3), part = rep(p, each = nrow(new)),
                                              estimate = c(found$fit), std_error = c(found$se.fit)))
  }
}
`%||%` <- function(a, b) if (is.null(a)) b else a
people <- data.frame(fin = c(0, 1), age = c(20, 35), prio = c(8, 0))
one("rossi", Surv(week, arrest) ~ fin + age + prio, rossi, people)
one("rossi robust", Surv(week, arrest) ~ fin + age + prio, rossi, people, robust = TRUE)
one("rossi cluster", Surv(week, arrest) ~ fin + prio, rossi, cluster = rossi$age)
one("rossi bare", Surv(week, arrest) ~ 1, rossi)
one("rossi scales", Surv(week, arrest) ~ fin + age + strata(race), rossi, families = names(laws)[-1])
one("waltons", Surv(T, E) ~ control, waltons, data.frame(control = 0:1))
one("leukemia", Surv(t, status) ~ Rx + logWBC, leukemia, data.frame(Rx = 0:1, logWBC = c(2, 4)))
visits$upper[is.infinite(visits$upper)] <- NA
visits$lower[visits$lower == 0] <- NA
known <- data.frame(x = c(-1, 1), site = c("east", "west"))
one("visits", Surv(lower, upper, type = "interval2") ~ x + site, visits, known)
one("leavers count", Surv(time, left) ~ helped + z, leavers, weights = leavers$count)
# survreg's robust variance leaves the weights out of the scores, and its slopes by log(scale) are wrong for intervals (they do not sum to
# 0 at the maximum): for those two cases the scores are taken here, row by row.
sandwich <- function(case, fit, scores, cluster, family) {
  moved <- rowsum(scores, cluster) %*% fit$naive
  terms <<- rbind(terms, data.frame(case, family, k = seq_len(ncol(scores)), term = "", estimate = fit$beta,
                                    std_error = sqrt(diag(crossprod(moved))), row.names = NULL))
  fits <<- rbind(fits, data.frame(case, family, log_likelihood = fit$value, null = fit$null, aic = NA, bic = NA))
}
normal_tail <- function(w) {
  # A complex step through log(1 - Phi): its slope is minus the hazard.
  r <- Re(w); v <- pnorm(r, lower.tail = FALSE, log.p = TRUE)
  if (is.complex(w)) complex(real = v, imaginary = -exp(dnorm(r, log = TRUE) - v) * Im(w)) else v
}
S <- list(weibull = function(w) -exp(w), log_logistic = function(w) -log(1 + exp(w)), log_normal = normal_tail)
D <- list(weibull = function(w) w - exp(w), log_logistic = function(w) w - 2 * log(1 + exp(w)),
          log_normal = function(w) -w^2 / 2 - log(2 * pi) / 2)
by_row <- function(f, at) sapply(seq_along(at), function(k) Im(f(replace(as.complex(at), k, at[k] + 1e-30i))) / 1e-30)
design <- model.matrix(~ x + site, visits)
for (family in names(laws)) {
  own <- if (family == "exponential") "weibull" else family
  fit <- survreg(Surv(lower, upper, type = "interval2") ~ x + site, visits, dist = laws[[family]], control = tight)
  known <- list(beta = c(coef(fit), if (family != "exponential") log(fit$scale)), naive = fit$var, value = fit$loglik[2], null = fit$loglik[1])
  rows <- function(p) {
    mu <- design %*% p[1:4]; s <- if (family == "exponential") 1 else exp(p[5]); w <- function(t) (log(t) - mu) / s
    low <- ifelse(is.na(visits$lower), 1, visits$lower); high <- ifelse(is.na(visits$upper), 1, visits$upper)
    left <- ifelse(is.na(visits$lower), 1 + 0i, exp(S[[own]](w(low)))); right <- ifelse(is.na(visits$upper), 0i, exp(S[[own]](w(high))))
    exact <- !is.na(visits$lower) & !is.na(visits$upper) & visits$lower == visits$upper
    ifelse(exact, D[[own]](w(low)) - log(s), log(ifelse(exact, 1, left - right)))
  }
  sandwich("visits robust", known, by_row(rows, known$beta), seq_len(nrow(visits)), family)
  sandwich("visits cluster", known, by_row(rows, known$beta), visits$cluster, family)
  fit <- survreg(Surv(time, left) ~ helped + z, leavers, weights = leavers$count / 2, dist = laws[[family]], control = tight)
  known <- list(beta = c(coef(fit), if (family != "exponential") log(fit$scale)), naive = fit$var, value = fit$loglik[2], null = fit$loglik[1])
  rows <- function(p) {
    mu <- cbind(1, leavers$helped, leavers$z) %*% p[1:3]; s <- if (family == "exponential") 1 else exp(p[4]); w <- (log(leavers$time) - mu) / s
    leavers$count / 2 * ifelse(leavers$left == 1, D[[own]](w) - log(s), S[[own]](w))
  }
  sandwich("leavers sampling", known, by_row(rows, known$beta), leavers$cluster, family)
}
put(terms, "survreg_terms"); put(fits, "survreg_fits"); put(quantiles, "survreg_quantiles")

# ---- likelihoods written out, maximised by Newton's method ------------------------------------------------------------
# Where the function is analytic its slopes are taken by a complex step (exact); otherwise by differences of sixth order.
slopes <- function(f, at, analytic) sapply(seq_along(at), function(k) {
  if (analytic) return(Im(f(replace(as.complex(at), k, at[k] + 1e-30i))) / 1e-30)
  h <- 2e-3 * max(1, abs(at[k])); g <- function(m) f(replace(at, k, at[k] + m * h))
  (45 * (g(1) - g(-1)) - 9 * (g(2) - g(-2)) + (g(3) - g(-3))) / (60 * h)
})
bends <- function(f, at, analytic) {
  h <- if (analytic) 1e-3 else 4e-3
  out <- sapply(seq_along(at), function(k) {
    step <- h * max(1, abs(at[k]))
    g <- function(m) slopes(f, replace(at, k, at[k] + m * step), analytic)
    (45 * (g(1) - g(-1)) - 9 * (g(2) - g(-2)) + (g(3) - g(-3))) / (60 * step)
  })
  (out + t(out)) / 2
}
top <- function(f, start, analytic = TRUE) {
  value <- function(at) { v <- suppressWarnings(Re(f(at))); if (is.finite(v)) v else -1e10 }
  at <- optim(start, value, method = "BFGS", control = list(fnscale = -1, maxit = 5000, reltol = 1e-14))$par
  for (i in 1:8) at <- at - solve(bends(f, at, analytic), slopes(f, at, analytic))
  list(at = at, se = sqrt(diag(solve(-bends(f, at, analytic)))), value = Re(f(at)))
}
written <- NULL
add <- function(case, family, f, start, analytic = TRUE) {
  found <- top(f, start, analytic)
  written <<- rbind(written, data.frame(case, family, k = seq_along(start), estimate = found$at, std_error = found$se,
                                        log_likelihood = found$value))
}

late$event <- as.numeric(late$cause == 1)
x <- cbind(1, late$x, late$z)
entered <- late$start > 0
for (family in names(S)) {
  delayed <- function(p) {
    mu <- x %*% p[1:3]; s <- exp(p[4]); w <- function(t) (log(t) - mu) / s
    sum(ifelse(late$event == 1, D[[family]](w(late$stop)) - log(s) - log(late$stop), S[[family]](w(late$stop)))) -
      sum(S[[family]](w(ifelse(entered, late$start, 1)))[entered])
  }
  add("late", family, delayed, c(3, 0.1, 0.1, 0))
}

# Generalised gamma: exp(Q W)/Q^2 is gamma with shape 1/Q^2.
gg <- function(data, time, event, x, from = NULL) function(p) {
  k <- length(p); mu <- x %*% p[1:(k - 2)]; s <- exp(p[k - 1]); q <- p[k]; a <- q^-2
  tail <- function(t) pgamma(a * exp(q * (log(t) - mu) / s), a, lower.tail = q < 0, log.p = TRUE)
  w <- (log(time) - mu) / s; u <- a * exp(q * w)
  f <- dgamma(u, a, log = TRUE) + log(abs(q)) + log(u) - log(s) - log(time)
  total <- sum(ifelse(event == 1, f, tail(time)))
  if (!is.null(from)) total <- total - sum(tail(ifelse(from > 0, from, 1))[from > 0])
  total
}
add("rossi", "generalised_gamma", gg(rossi, rossi$week, rossi$arrest, cbind(1, rossi$fin, rossi$prio)), c(4, .2, -.1, -.3, .8), FALSE)
add("waltons", "generalised_gamma", gg(waltons, waltons$T, waltons$E, cbind(1, waltons$control)), c(3.5, .5, -1, .8), FALSE)
add("late", "generalised_gamma", gg(late, late$stop, late$event, x, late$start), c(3, .1, .1, 0, .8), FALSE)

# Royston-Parmar: knots at centiles of the log event times.
spline <- function(y, knots) {
  m <- length(knots); low <- knots[1]; high <- knots[m]; cube <- function(v) (v * (Re(v) > 0))^3; square <- function(v) 3 * (v * (Re(v) > 0))^2
  value <- list(1 + 0 * y, y); slope <- list(0 * y, 1 + 0 * y)
  if (m > 2) for (j in 2:(m - 1)) {
    l <- (high - knots[j]) / (high - low)
    value[[j + 1]] <- cube(y - knots[j]) - l * cube(y - low) - (1 - l) * cube(y - high)
    slope[[j + 1]] <- square(y - knots[j]) - l * square(y - low) - (1 - l) * square(y - high)
  }
  list(value = do.call(cbind, value), slope = do.call(cbind, slope))
}
links <- list(hazard = "weibull", odds = "log_logistic", normal = "log_normal")
rp <- function(time, event, x, knots, scale, from = NULL) {
  y <- log(time); b <- spline(y, knots); m <- length(knots)
  if (!is.null(from)) { entered <- from > 0; b0 <- spline(log(from[entered]), knots) }
  function(p) {
    part <- x %*% p[-(1:m)]; w <- b$value %*% p[1:m] + part; rate <- b$slope %*% p[1:m]
    k <- links[[scale]]
    total <- sum(ifelse(event == 1, D[[k]](w) + log(rate) - y, S[[k]](w)))
    if (!is.null(from)) total <- total - sum(S[[k]](b0$value %*% p[1:m] + part[entered]))
    total
  }
}
for (scale in names(links)) for (count in c(1, 3)) {
  knots <- function(time, event) { y <- log(time[event == 1]); c(min(y), quantile(y, (1:count) / (count + 1)), max(y)) }
  name <- paste0(scale, count)
  begin <- list(hazard = c(-5, 1.3), odds = c(-5, 1.3), normal = c(-3, .8))[[scale]]
  x3 <- cbind(rossi$fin, rossi$prio)
  add("rossi", name, rp(rossi$week, rossi$arrest, x3, knots(rossi$week, rossi$arrest), scale), c(begin, rep(0, count), -.3, .1))
  if (count == 1) {
    add("late", name, rp(late$stop, late$event, cbind(late$x, late$z), knots(late$stop, late$event), scale, late$start),
        c(begin, 0, 0, 0))
    w2 <- cbind(waltons$control)
    add("waltons", name, rp(waltons$T, waltons$E, w2, knots(waltons$T, waltons$E), scale), c(2 * begin, 0, -.5))
  }
}

# Mixture cure.
mixed <- function(time, event, v, x, family, count = 1, from = NULL) function(p) {
  a <- v %*% p[1:ncol(v)]; mu <- x %*% p[ncol(v) + 1:ncol(x)]
  s <- if (family == "exponential") 1 else exp(p[ncol(v) + ncol(x) + 1]); k <- if (family == "exponential") "weibull" else family
  c0 <- 1 / (1 + exp(-a)); w <- (log(time) - mu) / s
  total <- sum(count * ifelse(event == 1, log(1 - c0) + D[[k]](w) - log(s) - log(time), log(c0 + (1 - c0) * exp(S[[k]](w)))))
  if (!is.null(from)) {
    w0 <- (log(ifelse(from > 0, from, 1)) - mu) / s
    total <- total - sum(count * log(c0 + (1 - c0) * exp(S[[k]](w0)))[from > 0])
  }
  total
}
ones <- matrix(1, nrow(leavers)); v <- cbind(1, leavers$helped); z <- cbind(1, leavers$z)
for (family in c("exponential", names(S))) {
  scale <- if (family == "exponential") NULL else 0
  add("leavers", family, mixed(leavers$time, leavers$left, v, z, family), c(-.5, .5, 4, 0, scale))
  add("leavers bare", family, mixed(leavers$time, leavers$left, ones, ones, family), c(-.5, 4, scale))
}
add("leavers count", "weibull", mixed(leavers$time, leavers$left, v, z, "weibull", leavers$count), c(-.5, .5, 4, 0, 0))
first <- ifelse(leavers$time > 10, 5, 0)
add("leavers late", "weibull", mixed(leavers$time, leavers$left, v, z, "weibull", 1, first), c(-.5, .5, 4, 0, 0))
put(written, "written_terms")

# The same cure model by EM: survreg with weights and a logistic regression in turn, until nothing moves.
stay <- ifelse(leavers$left == 1, 1, .5)
for (i in 1:4000) {
  late_part <- survreg(Surv(time, left) ~ z, leavers, weights = stay, control = tight)
  cure_part <- suppressWarnings(glm(I(1 - stay) ~ helped, binomial, leavers, control = list(epsilon = 1e-15, maxit = 100)))
  c0 <- fitted(cure_part); s0 <- exp(-exp((log(leavers$time) - late_part$linear.predictors) / late_part$scale))
  new <- ifelse(leavers$left == 1, 1, pmax((1 - c0) * s0 / (c0 + (1 - c0) * s0), 1e-300))
  if (max(abs(new - stay)) < 1e-14) break
  stay <- new
}
put(data.frame(term = c("cured", "helped", "(Intercept)", "z", "Log(scale)"), steps = i,
               estimate = c(coef(cure_part), coef(late_part), log(late_part$scale))), "cure_em")

# Profile bounds of the cured share without covariates.
base <- mixed(leavers$time, leavers$left, ones, ones, "weibull"); best <- top(base, c(-.5, 4, 0))
fallen <- function(a) {
  own <- function(p) base(c(a, p)); at <- best$at[-1]
  for (i in 1:20) at <- at - solve(bends(own, at, TRUE), slopes(own, at, TRUE))
  2 * (best$value - Re(own(at))) - qchisq(.95, 1)
}
bound <- sapply(c(-1, 1), function(way) uniroot(fallen, sort(best$at[1] + way * c(.3, 4) * best$se[1]), tol = 1e-13)$root)
put(data.frame(low = plogis(bound[1]), high = plogis(bound[2]), estimate = plogis(best$at[1])), "cure_profile")
