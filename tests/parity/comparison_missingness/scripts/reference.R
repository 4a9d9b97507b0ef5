# Reference numbers about losses; run from the root: Rscript tests/parity/comparison_missingness/scripts/reference.R
suppressMessages({library(numDeriv); library(survey); library(mice)})
here <- "tests/parity/comparison_missingness"
get <- function(name) read.csv(file.path(here, "inputs", paste0(name, ".csv")))
put <- function(x, name) write.csv(format(x, digits = 17, trim = TRUE), file.path(here, "reference", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)

# Imbens & Manski (2004), eq. 6-7, written from the paper.
imbens_manski <- function(low, high, se_low, se_high, level = 0.95) {
  f <- function(c) pnorm(c + (high - low) / max(se_low, se_high)) - pnorm(-c) - level
  c <- uniroot(f, c(0.5, 5), tol = 1e-15, maxiter = 1000)$root
  c(low - c * se_low, high + c * se_high)
}
# A mean and its standard error.
mse <- function(x) { t <- t.test(x); c(unname(t$estimate), unname(t$stderr)) }

smokers <- get("smokers"); waves <- get("waves")
smokers$arm <- smokers$qsmk; waves$arm <- as.integer(waves$arm == "programme")
sets <- list(
  smokers_after = list(d = smokers, y = smokers$wt82, b = 0 * smokers$wt71, low = 30, high = 180),
  smokers_change = list(d = smokers, y = smokers$wt82, b = smokers$wt71, low = 30, high = 180),
  waves_after = list(d = waves, y = waves$after, b = 0 * waves$before, low = 0, high = 1),
  waves_score = list(d = waves, y = waves$score_after, b = waves$score_before, low = 0, high = 20))

# ---- complete cases (t.test, prop.test), Manski, Lee ----
rows <- list(); add <- function(...) rows[[length(rows) + 1]] <<- data.frame(...)
for (name in names(sets)) {
  s <- sets[[name]]; arm <- s$d$arm; r <- s$y - s$b
  seen <- !is.na(r)
  for (a in 0:1) {
    t <- t.test(r[arm == a & seen])
    add(data = name, what = paste0("complete_t", a), estimate = t$estimate, se = t$stderr, df = t$parameter, low = t$conf.int[1], high = t$conf.int[2])
    if (name == "waves_after") {
      p <- prop.test(sum(r[arm == a & seen]), sum(arm == a & seen), correct = FALSE)
      add(data = name, what = paste0("complete_wilson", a), estimate = p$estimate, se = NA, df = NA, low = p$conf.int[1], high = p$conf.int[2])
    }
  }
  t <- t.test(r[arm == 1 & seen], r[arm == 0 & seen])
  add(data = name, what = "complete_welch", estimate = t$estimate[1] - t$estimate[2], se = t$stderr, df = t$parameter, low = t$conf.int[1], high = t$conf.int[2])
  p <- lapply(1:0, function(a) prop.test(sum(!seen[arm == a]), sum(arm == a), correct = FALSE))
  e <- sapply(p, function(x) unname(x$estimate)); ci <- sapply(p, function(x) x$conf.int)
  add(data = name, what = "lost_newcombe", estimate = e[1] - e[2], se = NA, df = NA,
      low = e[1] - e[2] - sqrt((e[1] - ci[1, 1])^2 + (ci[2, 2] - e[2])^2), high = e[1] - e[2] + sqrt((ci[2, 1] - e[1])^2 + (e[2] - ci[1, 2])^2))
  fill <- function(v, a) mse((ifelse(seen, s$y, v) - s$b)[arm == a])
  m <- list(l1 = fill(s$low, 1), h1 = fill(s$high, 1), l0 = fill(s$low, 0), h0 = fill(s$high, 0))
  for (a in 0:1) {
    l <- m[[paste0("l", a)]]; h <- m[[paste0("h", a)]]; ci <- imbens_manski(l[1], h[1], l[2], h[2])
    add(data = name, what = paste0("manski_low", a), estimate = l[1], se = l[2], df = NA, low = ci[1], high = ci[2])
    add(data = name, what = paste0("manski_high", a), estimate = h[1], se = h[2], df = NA, low = ci[1], high = ci[2])
  }
  low <- c(m$l1[1] - m$h0[1], sqrt(m$l1[2]^2 + m$h0[2]^2)); high <- c(m$h1[1] - m$l0[1], sqrt(m$h1[2]^2 + m$l0[2]^2))
  ci <- imbens_manski(low[1], high[1], low[2], high[2])
  add(data = name, what = "manski_low", estimate = low[1], se = low[2], df = NA, low = ci[1], high = ci[2])
  add(data = name, what = "manski_high", estimate = high[1], se = high[2], df = NA, low = ci[1], high = ci[2])

  # Lee (2009), propositions 1a and 3; kept people are weighted 1, the last one by the fraction left. The larger share seen is q1.
  n <- c(sum(arm == 1), sum(arm == 0)); k <- c(sum(arm == 1 & seen), sum(arm == 0 & seen)); q <- k / n
  flip <- q[1] < q[2]
  y1 <- if (flip) r[arm == 0 & seen] else r[arm == 1 & seen]
  y0 <- if (flip) r[arm == 1 & seen] else r[arm == 0 & seen]
  q1 <- max(q); q0 <- min(q); n1 <- if (flip) n[2] else n[1]; n0 <- if (flip) n[1] else n[2]
  trim <- (q1 - q0) / q1
  part <- function(y, sign) {
    y <- sort(sign * y); kept <- length(y) * (1 - trim)
    w <- pmin(pmax(kept - (seq_along(y) - 1), 0), 1)
    mu <- sum(w * y) / kept; v <- sum(w * (y - mu)^2) / (kept - 1); edge <- y[ceiling(kept - 1e-9)]
    # V_p / n of the paper, in numbers of people.
    vp <- (1 - trim)^2 * ((1 - q1) / (n1 * q1) + (1 - q0) / (n0 * q0))
    c(sign * mu, v / kept + (edge - mu)^2 * trim / kept + ((edge - mu) / (1 - trim))^2 * vp)
  }
  lo <- part(y1, 1); hi <- part(y1, -1); rest <- mse(y0)
  b <- c(lo[1] - rest[1], hi[1] - rest[1]); se <- sqrt(c(lo[2], hi[2]) + rest[2]^2)
  if (flip) { b <- -rev(b); se <- rev(se) }
  ci <- imbens_manski(b[1], b[2], se[1], se[2])
  add(data = name, what = "lee_low", estimate = b[1], se = se[1], df = NA, low = ci[1], high = ci[2])
  add(data = name, what = "lee_high", estimate = b[2], se = se[2], df = NA, low = ci[1], high = ci[2])
}
put(do.call(rbind, rows), "bounds")

# ---- weighting: glm, survey's weighted mean, the variance of stacked estimating equations by numerical derivatives ----
rows <- list()
weigh <- function(name, d, r, arm, formula) {
  x <- model.matrix(formula, d); use <- as.integer(rownames(x)); r <- r[use]; arm <- arm[use]
  seen <- as.integer(!is.na(r)); y <- ifelse(seen == 1, r, 0)
  fit <- glm.fit(x, seen, family = binomial(), control = list(epsilon = 1e-15, maxit = 100))
  eq <- function(theta) {
    p <- plogis(as.vector(x %*% theta[1:ncol(x)])); m <- theta[ncol(x) + 1:2]
    cbind(x * (seen - p), seen * (arm == 0) / p * (y - m[1]), seen * (arm == 1) / p * (y - m[2]))
  }
  p <- plogis(as.vector(x %*% coef(fit)))
  w <- ifelse(seen == 1, 1 / p, 0)
  m <- sapply(0:1, function(a) sum((w * y)[arm == a]) / sum(w[arm == a]))
  theta <- c(coef(fit), m)
  bread <- jacobian(function(t) colSums(eq(t)), theta)
  v <- solve(bread) %*% crossprod(eq(theta)) %*% t(solve(bread))
  # The corrections for small numbers: each arm's own, and that of the coefficients.
  ess <- sapply(0:1, function(a) sum(w[arm == a])^2 / sum(w[arm == a]^2))
  k <- ncol(x) + 1:2; f <- sqrt(ess / (ess - 1) * nrow(x) / (nrow(x) - fit$rank))
  own <- diag(v[k, k]) * f^2; welch <- sum(own)^2 / sum(own^2 / (ess - 1))
  design <- svydesign(~1, weights = ~w, data = data.frame(y, w, arm)[seen == 1, ])
  known <- sapply(0:1, function(a) coef(svymean(~y, subset(design, arm == a))))
  stopifnot(max(abs(known - m)) < 1e-9)
  for (a in 0:1) {
    mine <- w[arm == a & seen == 1]
    rows[[length(rows) + 1]] <<- data.frame(data = name, what = paste0("ipw", a), estimate = known[a + 1], se = sqrt(own[a + 1]), df = ess[a + 1] - 1,
      largest = max(mine) * mean(seen[arm == a]), effective = ess[a + 1], n = sum(arm == a))
  }
  rows[[length(rows) + 1]] <<- data.frame(data = name, what = "ipw", estimate = m[2] - m[1], se = sqrt(t(c(-1, 1) * f) %*% v[k, k] %*% (c(-1, 1) * f)), df = welch,
    largest = NA, effective = NA, n = length(arm))
}
smokers$sex <- factor(smokers$sex); smokers$education <- factor(smokers$education)
weigh("smokers_change", smokers, smokers$wt82 - smokers$wt71, smokers$arm, ~ factor(arm) + wt71 + sex + age + education)
weigh("waves_after", waves, waves$after, waves$arm, ~ factor(arm) + site + age)
weigh("waves_score", waves, waves$score_after - waves$score_before, waves$arm, ~ arm * age + site + score_before)
put(do.call(rbind, rows), "weights")

# ---- pooling of given completed sets: mice ----
rows <- list(); filled <- get("imputations")
for (name in unique(filled$data)) {
  own <- filled[filled$data == name, ]
  means <- list()
  for (a in 0:1) {
    fits <- lapply(split(own[own$arm == a, ], own$set[own$arm == a]), function(d) lm(y ~ 1, data = d))
    s <- summary(pool(as.mira(fits)), conf.int = TRUE)
    rows[[length(rows) + 1]] <- data.frame(data = name, what = paste0("mi", a), estimate = s$estimate, se = s$std.error, df = s$df, low = s[["2.5 %"]], high = s[["97.5 %"]])
    means[[a + 1]] <- sapply(fits, function(f) c(coef(f), vcov(f), df.residual(f)))
  }
  u <- rowMeans(cbind(means[[1]][2, ])); 
  v <- c(mean(means[[1]][2, ]), mean(means[[2]][2, ])); k <- c(means[[1]][3, 1], means[[2]][3, 1])
  welch <- sum(v)^2 / sum(v^2 / k)
  s <- pool.scalar(means[[2]][1, ] - means[[1]][1, ], means[[2]][2, ] + means[[1]][2, ], n = welch + 1, k = 1)
  half <- qt(0.975, s$df) * sqrt(s$t)
  rows[[length(rows) + 1]] <- data.frame(data = name, what = "mi", estimate = s$qbar, se = sqrt(s$t), df = s$df, low = s$qbar - half, high = s$qbar + half)
}
put(do.call(rbind, rows), "pooled")

# ---- tipping points, by root finding on the closed form ----
rows <- list()
shift_answer <- function(r, arm, d1, d0) {
  one <- function(a, d) { x <- r[arm == a]; k <- x[!is.na(x)]; l <- mean(is.na(x))
    list(m = mean(k) + l * d, v = var(k) / length(k), df = length(k) - 1, extra = d^2 * l * (1 - l) / length(x)) }
  a <- one(1, d1); b <- one(0, d0); v <- a$v + b$v + a$extra + b$extra
  df <- v^2 / (a$v^2 / a$df + b$v^2 / b$df); e <- a$m - b$m; h <- qt(0.975, df) * sqrt(v)
  c(e, sqrt(v), e - h, e + h)
}
# NA: like those seen, whose share is estimated; the equations of the share seen and of the mean are then stacked.
share_arm <- function(x, p) {
  if (!is.na(p)) return(mse(ifelse(is.na(x), p, x)))
  seen <- !is.na(x); v <- ifelse(seen, x, 0); m <- sum(v) / sum(seen)
  eq <- function(t) cbind(seen * (v - t[1]), ifelse(seen, v, t[1]) - t[2])
  bread <- jacobian(function(t) colSums(eq(t)), c(m, m)); meat <- crossprod(eq(c(m, m))) * length(x) / (length(x) - 1)
  c(m, sqrt((solve(bread) %*% meat %*% t(solve(bread)))[2, 2]))
}
share_answer <- function(y, arm, p1, p0) {
  a <- share_arm(y[arm == 1], p1); b <- share_arm(y[arm == 0], p0)
  e <- a[1] - b[1]; s <- sqrt(a[2]^2 + b[2]^2); c(e, s, e - qnorm(0.975) * s, e + qnorm(0.975) * s)
}
r <- smokers$wt82 - smokers$wt71; root <- function(f, ends) uniroot(f, ends, tol = 1e-13, maxiter = 1000)$root
rows[[1]] <- data.frame(data = "smokers_change", what = "interval1", x = root(function(d) shift_answer(r, smokers$arm, d, 0)[3], c(-100, 0)))
rows[[2]] <- data.frame(data = "smokers_change", what = "interval0", x = root(function(d) shift_answer(r, smokers$arm, 0, d)[3], c(0, 200)))
rows[[3]] <- data.frame(data = "smokers_change", what = "sign1", x = root(function(d) shift_answer(r, smokers$arm, d, 0)[1], c(-100, 0)))
g <- shift_answer(r, smokers$arm, -5, 3); for (i in 1:4) rows[[length(rows) + 1]] <- data.frame(data = "smokers_change", what = paste0("grid", i), x = g[i])
y <- waves$after; like <- sapply(0:1, function(a) mean(y[waves$arm == a], na.rm = TRUE)); up <- function(p1, p0) share_answer(y, waves$arm, p1, p0)
base <- up(NA, NA); for (i in 1:4) rows[[length(rows) + 1]] <- data.frame(data = "waves_after", what = paste0("base", i), x = base[i])
g <- up(0.2, 0.7); for (i in 1:4) rows[[length(rows) + 1]] <- data.frame(data = "waves_after", what = paste0("grid", i), x = g[i])
cat("low end at the worst share of each arm:", up(0, NA)[3], up(NA, 1)[3], " estimate:", up(0, NA)[1], up(NA, 1)[1], "\n")
rows[[length(rows) + 1]] <- data.frame(data = "waves_after", what = "interval0", x = root(function(p) up(NA, p)[3], c(like[1], 1)))
put(do.call(rbind, rows), "tipping")
