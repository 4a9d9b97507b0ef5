# Reference numbers of differences in differences and interrupted series. Run: Rscript reference.R (in this folder).
# R 4.2.2, clubSandwich 0.5.8, sandwich 3.0-2, nlme 3.1-162, estimatr 1.0.0, plm 2.6-2.
suppressMessages({library(clubSandwich); library(sandwich); library(nlme); library(estimatr); library(plm)})
out <- list()
put <- function(case, term, ...) {
  v <- c(...)
  out[[length(out) + 1]] <<- data.frame(case = case, term = term, what = names(v), value = unname(v))
}
ct <- function(fit, V, i) { # clubSandwich's Satterthwaite test of a coefficient
  s <- coef_test(fit, vcov = V, test = "Satterthwaite")
  c(estimate = s$beta[i], std_error = s$SE[i], df = s$df_Satt[i], p_value = s$p_Satt[i])
}

# ---- two by two ----
d <- read.csv("../inputs/two_groups.csv"); d <- d[order(d$id, d$date), ]
two <- function(d, y) {
  w <- reshape(d[, c("id", "site", "treated", "age", "weight", "date", y)], idvar = c("id", "site", "treated", "age", "weight"),
               timevar = "date", direction = "wide")
  w$change <- rowMeans(w[, paste0(y, ".", 2010:2011)]) - rowMeans(w[, paste0(y, ".", 2008:2009)])
  w
}
for (y in c("y", "placed")) {
  w <- two(d, y)
  t <- t.test(w$change[w$treated == 1], w$change[w$treated == 0])
  put(paste0("pairs_", y), "welch", estimate = unname(diff(rev(t$estimate))), std_error = t$stderr, df = unname(t$parameter),
      p_value = t$p.value, conf_low = t$conf.int[1], conf_high = t$conf.int[2])
  h <- lm_robust(change ~ treated, w, se_type = "HC2")
  put(paste0("pairs_", y), "hc2_estimatr", std_error = unname(h$std.error[2]))
  f <- lm(change ~ treated, w)
  put(paste0("pairs_", y), "cr2", ct(f, vcovCR(f, cluster = w$site, type = "CR2"), 2))
  d$yy <- d[[y]]; d$tp <- as.numeric(d$treated == 1 & d$date >= 2010)
  p <- plm(yy ~ tp + factor(date), data = d, index = c("id", "date"), model = "within")
  put(paste0("pairs_", y), "plm", estimate = unname(coef(p)["tp"]))
  fw <- lm(change ~ treated, w, weights = weight)
  put(paste0("pairs_", y), "weighted_cr2", ct(fw, vcovCR(fw, cluster = w$site, type = "CR2"), 2))
  put(paste0("pairs_", y), "weighted_hc2", ct(fw, vcovCR(fw, cluster = seq_len(nrow(w)), type = "CR2"), 2))
  w$c <- w$age - mean(w$age[w$treated == 1])
  fa <- lm(change ~ treated * c, w)
  put(paste0("pairs_", y), "regression", ct(fa, vcovCR(fa, cluster = seq_len(nrow(w)), type = "CR2"), 2))
  put(paste0("pairs_", y), "regression_cr2", ct(fa, vcovCR(fa, cluster = w$site, type = "CR2"), 2))
}
# repeated cross-sections, two dates
x <- d[d$date %in% c(2009, 2010), ]; x$post <- as.numeric(x$date == 2010)
h <- lm_robust(y ~ treated * post, x, se_type = "HC2")
put("cross", "hc2", estimate = unname(coef(h)[4]), std_error = unname(h$std.error[4]))
g <- tapply(x$y, list(x$treated, x$post), var) / table(x$treated, x$post)
put("cross", "welch", df = sum(g)^2 / sum(g^2 / (table(x$treated, x$post) - 1)))
f <- lm(y ~ treated * post, x); put("cross", "cr2", ct(f, vcovCR(f, cluster = x$site, type = "CR2"), 4))
fa <- lm(y ~ treated * post + age, x); put("cross", "regression", ct(fa, vcovCR(fa, cluster = x$site, type = "CR2"), 5))
# unbalanced, all dates: everybody's answers, by person
u <- d[d$kept == 1, ]; u$post <- as.numeric(u$date >= 2010)
f <- lm(y ~ factor(date) + treated + treated:post, u)
put("observed", "cr2_person", ct(f, vcovCR(f, cluster = u$id, type = "CR2"), 6))
# date by date
for (cl in c("id", "site")) {
  d$r <- relevel(factor(d$date), ref = "2009")
  f <- lm(y ~ r * treated, d); V <- vcovCR(f, cluster = d[[cl]], type = "CR2")
  for (k in c(2008, 2010, 2011)) put(paste0("dates_", cl), k, ct(f, V, which(names(coef(f)) == paste0("r", k, ":treated"))))
  C <- matrix(0, 2, length(coef(f))); C[1, which(names(coef(f)) == "r2008:treated")] <- 1; C[2, which(names(coef(f)) == "r2010:treated")] <- 1
  q <- Wald_test(f, constraints = C, vcov = V, test = "HTZ")
  put(paste0("dates_", cl), "joint_2008_2010", statistic = q$Fstat, df = q$df_denom, p_value = q$p_val)
  L <- matrix(0, 1, length(coef(f))); L[1, grep("r201[01]:treated", names(coef(f)))] <- .5
  q <- linear_contrast(f, vcov = V, contrasts = L, test = "Satterthwaite")
  put(paste0("dates_", cl), "average", estimate = q$Est, std_error = q$SE, df = q$df)
}
# three dates before, joint test and straight line
d3 <- d; d3$r <- relevel(factor(d3$date), ref = "2010")
for (y in c("y", "placed")) for (cl in c("id", "site")) {
  d3$o <- d3[[y]]; case <- paste("late", y, cl, sep = "_")
  f <- lm(o ~ r * treated, d3); V <- vcovCR(f, cluster = d3[[cl]], type = "CR2")
  C <- matrix(0, 2, length(coef(f))); C[1, which(names(coef(f)) == "r2008:treated")] <- 1; C[2, which(names(coef(f)) == "r2009:treated")] <- 1
  q <- Wald_test(f, constraints = C, vcov = V, test = "HTZ")
  put(case, "pretrend", statistic = q$Fstat, df = q$df_denom, p_value = q$p_val)
  fl <- lm(o ~ r + treated + I(treated * (date - 2010)) + I(treated * (date == 2011)), d3)
  # the line's degrees of freedom follow the saturated model, whose contrast it is
  L <- matrix(0, 1, length(coef(f)))
  w <- c("r2008:treated" = -(1/3 + 2 * (-1) / 2), "r2009:treated" = -1/3, "r2011:treated" = 1)
  L[1, match(names(w), names(coef(f)))] <- w
  q <- linear_contrast(f, vcov = V, contrasts = L, test = "Satterthwaite")
  put(case, "line", estimate = q$Est, std_error = q$SE, df = q$df, of_regression = unname(coef(fl)[7]))
}
# NSW
n <- read.csv("../inputs/nsw.csv"); n$change <- n$re78 - n$re75
t <- t.test(n$change[n$treat == 1], n$change[n$treat == 0])
put("nsw", "welch", estimate = unname(diff(rev(t$estimate))), std_error = t$stderr, df = unname(t$parameter), p_value = t$p.value,
    conf_low = t$conf.int[1], conf_high = t$conf.int[2])
cen <- function(v) v - mean(v[n$treat == 1])
f <- lm(change ~ treat * (cen(age) + cen(educ) + cen(black)), n)
put("nsw", "regression", ct(f, vcovCR(f, cluster = seq_len(nrow(n)), type = "CR2"), 2))

# ---- interrupted series ----
nw <- function(f, lag) NeweyWest(f, lag = lag, prewhite = FALSE, adjust = TRUE)
its <- function(case, d, y, t, s, lag, extra = NULL) {
  d$T <- d[[t]] - s[1]; form <- paste(y, "~ T")
  for (k in seq_along(s)) { d[[paste0("D", k)]] <- as.numeric(d[[t]] >= s[k]); d[[paste0("R", k)]] <- d[[paste0("D", k)]] * (d[[t]] - s[k]); form <- paste0(form, " + D", k, " + R", k) }
  form <- as.formula(paste(form, extra))
  f <- lm(form, d); V <- nw(f, lag)
  for (b in names(coef(f))) put(case, paste0("nw_", b), estimate = unname(coef(f)[b]), std_error = sqrt(V[b, b]))
  e <- residuals(f); put(case, "ols", durbin_watson = sum(diff(e)^2) / sum(e^2), acf1 = sum(e[-1] * e[-length(e)]) / sum(e^2))
  m <- gls(form, d, correlation = corAR1(form = as.formula(paste("~", t))), method = "REML",
           control = glsControl(tolerance = 1e-14, msTol = 1e-14, opt = "optim", maxIter = 500, msMaxIter = 500))
  phi <- unname(coef(m$modelStruct$corStruct, unconstrained = FALSE))
  # gls stops early: the coefficients at an exact maximum of its own likelihood
  ll <- function(p) as.numeric(logLik(gls(form, d, correlation = corAR1(p, form = as.formula(paste("~", t)), fixed = TRUE), method = "REML")))
  phi <- optimize(ll, c(phi - .02, phi + .02), maximum = TRUE, tol = 1e-12)$maximum
  m <- gls(form, d, correlation = corAR1(phi, form = as.formula(paste("~", t)), fixed = TRUE), method = "REML")
  put(case, "reml", rho = phi, loglik = as.numeric(logLik(m)))
  for (b in names(coef(m))) put(case, paste0("reml_", b), estimate = unname(coef(m)[b]), std_error = sqrt(vcov(m)[b, b]))
}
nile <- read.csv("../inputs/nile.csv"); its("nile", nile, "volume", "year", 1899, 4)
its("nile_two", nile, "volume", "year", c(1899, 1930), 3)
mo <- read.csv("../inputs/monthly.csv"); names(mo)[2] <- "t"
full <- mo[mo$t >= 18 & mo$t != 33 & TRUE, ]
sea <- "+ sin(2*pi*(t-28)/12) + cos(2*pi*(t-28)/12)"
# Newey-West in R knows no gaps: only the run without them is compared; REML knows them.
run <- mo[mo$t >= 18 & mo$t <= 32, ]
its("monthly_run", run, "y", "t", 28, 2)
its("monthly", mo, "y", "t", 28, 3, sea)
mo$gap <- mo$y - mo$control
its("monthly_gap", mo, "gap", "t", 28, 3)
glmits <- function(case, form, d, fam, t, lag, off = NULL) {
  d$o <- if (is.null(off)) 0 else off
  f <- glm(form, fam, d, offset = o, control = glm.control(epsilon = 1e-15, maxit = 200))
  s <- summary(f)$coefficients
  V <- nw(f, lag)
  put(case, "dispersion", value = summary(f)$dispersion)
  for (b in rownames(s)) {
    put(case, paste0("quasi_", b), estimate = s[b, 1], std_error = s[b, 2])
    put(case, paste0("nw_", b), std_error = sqrt(V[b, b]))
  }
  # the working model with first-order autoregression, made again until it stays
  X <- model.matrix(f); b <- coef(f); bin <- fam$family == "quasibinomial"
  tot <- if (bin) rowSums(model.response(model.frame(f))) else NULL
  yy <- if (bin) model.response(model.frame(f))[, 1] else model.response(model.frame(f))
  tt <- d[[t]]
  for (it in 1:60) {
    eta <- drop(X %*% b); mu <- if (bin) tot * plogis(eta + d$o) else exp(eta + d$o)
    v <- if (bin) mu * (1 - mu / tot) else mu
    z <- data.frame(z = eta + (yy - mu) / v, tt = tt, iv = 1 / v, X[, -1]); fz <- as.formula(paste("z ~", paste(names(z)[-(1:3)], collapse = "+")))
    ll <- function(p) as.numeric(logLik(gls(fz, z, correlation = corAR1(p, form = ~tt, fixed = TRUE), weights = varFixed(~iv), method = "REML")))
    phi <- optimize(ll, c(-.9, .9), maximum = TRUE, tol = 1e-11)$maximum
    m <- gls(fz, z, correlation = corAR1(phi, form = ~tt, fixed = TRUE), weights = varFixed(~iv), method = "REML")
    if (max(abs(coef(m) - b)) < 1e-12) break
    b <- coef(m)
  }
  put(case, "reml", rho = phi)
  for (k in seq_along(b)) put(case, paste0("reml_", rownames(s)[k]), estimate = unname(b[k]), std_error = sqrt(vcov(m)[k, k]))
}
mo$T <- mo$t - 28; mo$D1 <- as.numeric(mo$t >= 28); mo$R1 <- mo$D1 * mo$T
glmits("visits", visits ~ T + D1 + R1, mo, quasipoisson(), "t", 3, log(mo$population))
glmits("shares", cbind(visits, population - visits) ~ T + D1 + R1, mo, quasibinomial(), "t", 3)
glmits("ratio", cbind(visits, other_visits) ~ T + D1 + R1, mo, quasibinomial(), "t", 3, log(mo$population / mo$other_population))
we <- read.csv("../inputs/weekly.csv"); we$T <- we$week - 14; we$D1 <- as.numeric(we$week >= 14); we$R1 <- we$D1 * we$T
we$D2 <- as.numeric(we$week >= 25); we$R2 <- we$D2 * (we$week - 25)
glmits("weekly", calls ~ T + D1 + R1 + D2 + R2, we, quasipoisson(), "week", 3)
r <- do.call(rbind, out); r$value <- format(r$value, digits = 15, trim = TRUE)
write.csv(r, "../reference/reference.csv", row.names = FALSE, quote = FALSE)
