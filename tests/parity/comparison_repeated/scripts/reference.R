# Reference numbers for repeated measures and models of a yes or no, with R 4.2.2: gee, geepack, nlme, lme4, lmerTest, pbkrtest,
# clubSandwich, survival, brglm2, estimatr (run, not copied).
# Run from the repository root: Rscript tests/parity/comparison_repeated/scripts/reference.R (about a minute)
suppressPackageStartupMessages({
  library(gee); library(geepack); library(nlme); library(lme4); library(lmerTest); library(pbkrtest); library(clubSandwich)
  library(survival); library(brglm2); library(estimatr)
})
here <- "tests/parity/comparison_repeated"
read <- function(name) read.csv(file.path(here, "inputs", paste0(name, ".csv")))
out <- list()
put <- function(case, term, quantity, value) {
  out[[length(out) + 1]] <<- data.frame(case = case, term = term, quantity = quantity, value = unname(value))
}
table_of <- function(case, terms, ...) { q <- list(...); for (name in names(q)) put(case, terms, name, q[[name]]) }
rename <- function(x) {
  x <- sub("^\\(Intercept\\)$", "constant", x)
  sub("^m([0-9]+)$", "month[\\1]", x)
}
visits <- read("visits"); visits$m <- factor(visits$month); visits$who <- factor(visits$who)
firms <- read("firms"); firms$firm <- factor(firms$firm)

# ---- GEE: coefficients, scale, correlation, classic sandwich -------------------------------------------------------------
quiet <- function(expr) { sink(tempfile()); on.exit(sink()); suppressWarnings(suppressMessages(force(expr))) }
wanted <- list(gaussian = score ~ m + helped + mood, binomial = yes ~ m + helped + mood, poisson = count ~ m + helped + mood)
whole <- names(which(table(visits$who) == 4)); complete <- visits[visits$who %in% whole, ]; complete$who <- factor(complete$who)
one <- function(case, f, data, id, family, corstr, ...) {
  data$id <- data[[id]]
  fit <- quiet(gee(f, id = id, data = data, family = family, corstr = corstr, tol = 1e-13, maxiter = 200, ...))
  table_of(case, rename(names(coef(fit))), estimate = coef(fit), std_error = sqrt(diag(fit$robust.variance)))
  put(case, "dispersion", "estimate", fit$scale)
  if (corstr != "independence") put(case, "correlation", "estimate", fit$working.correlation[1, 2])
  fit
}
gaussian_fit <- one("gee-gaussian-exchangeable", wanted$gaussian, visits, "who", gaussian, "exchangeable")
one("gee-binomial-independence", wanted$binomial, visits, "who", binomial, "independence")
one("gee-binomial-exchangeable", wanted$binomial, visits, "who", binomial, "exchangeable")
one("gee-poisson-exchangeable", wanted$poisson, visits, "who", poisson, "exchangeable")
ar_fit <- one("gee-gaussian-ar1-complete", wanted$gaussian, complete, "who", gaussian, "AR-M", Mv = 1)
one("gee-binomial-ar1-complete", wanted$binomial, complete, "who", binomial, "AR-M", Mv = 1)
firm_fit <- one("gee-gaussian-exchangeable-firms", invest ~ value + capital, firms, "firm", gaussian, "exchangeable")
for (family in c("gaussian", "binomial", "poisson")) {
  fit <- geeglm(wanted[[family]], id = who, data = visits, family = family, weights = weight, corstr = "independence",
                control = geese.control(epsilon = 1e-13, maxit = 200))
  table_of(paste0("gee-weighted-", family), rename(names(coef(fit))), estimate = coef(fit), std_error = sqrt(diag(vcov(fit))))
}

# ---- GEE: CR2 with Satterthwaite ------------------------------------------------------------------------------------------
club <- function(case, fit, cluster, joint = NULL, ...) {
  for (kind in c("CR2", "CR3")) {
    v <- vcovCR(fit, cluster = cluster, type = kind, ...)
    t <- coef_test(fit, vcov = v, test = "Satterthwaite")
    df <- if (is.null(t$df)) t$df_Satt else t$df
    table_of(paste0(case, "-", kind), rename(rownames(t)), std_error = t$SE, df = df)
    if (kind == "CR2" && !is.null(joint)) {
      w <- Wald_test(fit, constraints = constrain_zero(joint), vcov = v, test = "HTZ")
      put(paste0(case, "-CR2"), "joint", "statistic", w$Fstat); put(paste0(case, "-CR2"), "joint", "df", w$df_denom)
      put(paste0(case, "-CR2"), "joint", "p_value", w$p_val)
    }
  }
}
for (family in c("gaussian", "binomial", "poisson")) {
  fit <- glm(wanted[[family]], data = visits, family = family, control = glm.control(epsilon = 1e-15, maxit = 100))
  club(paste0("club-", family, "-independence"), fit, visits$who, 2:4)
}
alpha <- gaussian_fit$working.correlation[1, 2]
fit <- gls(wanted$gaussian, visits, correlation = corCompSymm(alpha, form = ~1 | who, fixed = TRUE))
club("club-gaussian-exchangeable", fit, visits$who, 2:4)
alpha <- ar_fit$working.correlation[1, 2]
fit <- gls(wanted$gaussian, complete, correlation = corAR1(alpha, form = ~ place | who, fixed = TRUE))
club("club-gaussian-ar1-complete", fit, complete$who)
alpha <- firm_fit$working.correlation[1, 2]
fit <- gls(invest ~ value + capital, firms, correlation = corCompSymm(alpha, form = ~1 | firm, fixed = TRUE))
club("club-gaussian-exchangeable-firms", fit, firms$firm)

# Means at each date: everybody put there, each person once; delta method with CR2.
fit <- glm(wanted$binomial, data = visits, family = binomial, control = glm.control(epsilon = 1e-15, maxit = 100))
v <- as.matrix(vcovCR(fit, cluster = visits$who, type = "CR2"))
share <- 1 / table(visits$who)[as.character(visits$who)]; share <- as.numeric(share / sum(share))
gradient <- list(); mean <- list()
for (when in c(0, 3, 6, 12)) {
  x <- model.matrix(~ m + helped + mood, within(visits, m <- factor(rep(when, nrow(visits)), levels = c(0, 3, 6, 12))))
  p <- plogis(drop(x %*% coef(fit)))
  mean[[as.character(when)]] <- sum(share * p); g <- colSums(share * p * (1 - p) * x)
  gradient[[as.character(when)]] <- g
  put("means-binomial", when, "estimate", sum(share * p)); put("means-binomial", when, "std_error", sqrt(g %*% v %*% g))
  if (when > 0) {
    d <- g - gradient[["0"]]
    put("means-binomial", when, "change", mean[[as.character(when)]] - mean[["0"]])
    put("means-binomial", when, "change_error", sqrt(d %*% v %*% d))
  }
}

# ---- mixed models ---------------------------------------------------------------------------------------------------------
tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-14, maxfun = 1e5), calc.derivs = FALSE)
mixed <- function(case, f, data, factor = NULL) {
  fit <- lmer(f, data, control = tight)
  for (df in c("Kenward-Roger", "Satterthwaite")) {
    t <- coef(summary(fit, ddf = df))
    table_of(paste0(case, "-", df), rename(rownames(t)), estimate = t[, 1], std_error = t[, 2], df = t[, 3], p_value = t[, 5])
  }
  put(case, "model", "log_likelihood", as.numeric(logLik(fit)))
  v <- as.data.frame(VarCorr(fit)); put(case, paste0("vc", seq_len(nrow(v))), "estimate", v$sdcor)
  if (!is.null(factor)) {
    a <- anova(fit, ddf = "Kenward-Roger")[factor, ]
    put(paste0(case, "-Kenward-Roger"), "joint", "statistic", a[["F value"]]); put(paste0(case, "-Kenward-Roger"), "joint", "df", a$DenDF)
  }
  fit
}
mixed("mixed-visits", score ~ m + helped + mood + (1 | who), visits, "m")
mixed("mixed-visits-slope", score ~ m + helped + mood + (month | who), visits, "m")
mixed("mixed-firms", invest ~ value + capital + (1 | firm), firms)
ml <- lme4::lmer(score ~ m + helped + mood + (1 | who), visits, control = tight, REML = FALSE)
put("mixed-visits-ml", "model", "log_likelihood", as.numeric(logLik(ml)))
# Profiles by root finding on lme4's own deviance (its confint interpolates).
profile_ends <- function(case, fit) {
  n <- nobs(fit); theta0 <- getME(fit, "theta"); sigma0 <- sigma(fit); fun <- update(fit, devFunOnly = TRUE)
  # lme4's function is the deviance at the best sigma, n log(2 pi r2 / n) + n + log-determinants: r2 follows from the fit at each theta.
  full <- function(theta, s) {
    d <- fun(theta); e <- environment(fun); r2 <- e$pp$sqrL(1) + e$resp$wrss()
    d - n * (1 + log(2 * pi * r2 / n)) + r2 / s^2 + n * log(2 * pi * s^2)
  }
  best <- full(theta0, sigma0); cut <- qchisq(0.95, 1)
  sd_u <- function(u) optimize(function(l) full(u / exp(l), exp(l)), log(sigma0) + c(-1, 1), tol = 1e-12)$objective - best - cut
  sd_e <- function(s) optimize(function(t) full(t, s), c(0, 20), tol = 1e-12)$objective - best - cut
  u <- theta0 * sigma0
  put(case, "sd_person", "conf_low", uniroot(sd_u, c(u / 5, u), tol = 1e-12)$root)
  put(case, "sd_person", "conf_high", uniroot(sd_u, c(u, 4 * u), tol = 1e-12)$root)
  put(case, "sd_residual", "conf_low", uniroot(sd_e, c(sigma0 / 3, sigma0), tol = 1e-12)$root)
  put(case, "sd_residual", "conf_high", uniroot(sd_e, c(sigma0, 3 * sigma0), tol = 1e-12)$root)
}
profile_ends("mixed-visits-ml", ml)
profile_ends("mixed-firms-ml", lme4::lmer(invest ~ value + capital + (1 | firm), firms, control = tight, REML = FALSE))
fit <- lme(score ~ m + helped + mood, visits, ~1 | who, control = lmeControl(tolerance = 1e-12, msTol = 1e-14))
club("club-mixed-visits", fit, visits$who, 2:4)

# ---- conditional logit ----------------------------------------------------------------------------------------------------
cond <- function(case, f, data, one) {
  strict <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 100)
  fit <- clogit(f, data, method = "exact", control = strict)
  s <- summary(fit)$coefficients
  table_of(case, rename(rownames(s)), estimate = s[, 1], std_error = s[, 3])
  put(case, "model", "statistic", 2 * diff(fit$loglik))
  top <- fit$loglik[2]
  without <- clogit(update(f, paste("~ . -", one)), data, method = "exact", control = strict)
  put(case, one, "lr", 2 * (top - without$loglik[2]))
  at <- function(value) {
    data$shift <- value * data[[one]]
    g <- clogit(update(f, paste("~ . -", one, "+ offset(shift)")), data, method = "exact", control = strict)
    2 * (top - g$loglik[length(g$loglik)]) - qchisq(0.95, 1)
  }
  b <- coef(fit)[one]; e <- s[one, 3]
  put(case, one, "conf_low", uniroot(at, c(b - 5 * e, b), tol = 1e-11)$root)
  put(case, one, "conf_high", uniroot(at, c(b, b + 5 * e), tol = 1e-11)$root)
}
cond("clogit-visits", yes ~ mood + m + strata(who), visits, "mood")
cond("clogit-firms", high ~ value + capital + strata(firm), firms, "value")
pair <- visits[visits$month %in% c(0, 12), ]
two <- merge(pair[pair$month == 0, c("who", "yes")], pair[pair$month == 12, c("who", "yes")], by = "who")
b <- sum(two$yes.x == 0 & two$yes.y == 1); c <- sum(two$yes.x == 1 & two$yes.y == 0)
test <- binom.test(b, b + c)
put("clogit-pairs", "month", "estimate", log(b / c)); put("clogit-pairs", "month", "exact", test$p.value)
put("clogit-pairs", "month", "exact_low", qlogis(test$conf.int[1])); put("clogit-pairs", "month", "exact_high", qlogis(test$conf.int[2]))

# ---- Firth ------------------------------------------------------------------------------------------------------------------
firth <- function(case, f, data, w = rep(1, nrow(data))) {
  data$w <- w
  fit <- glm(f, data = data, family = binomial, weights = w, method = "brglmFit", type = "AS_mean", epsilon = 1e-13, maxit = 1e4)
  x <- model.matrix(fit); y <- fit$y
  value <- function(b) {
    eta <- drop(x %*% b); p <- plogis(eta)
    found <- sum(w * (y * plogis(eta, log.p = TRUE) + (1 - y) * plogis(-eta, log.p = TRUE))) +
      0.5 * as.numeric(determinant(crossprod(x * sqrt(w * p * (1 - p))))$modulus)
    if (is.finite(found)) found else -1e10
  }
  # Penalised likelihood held at a value of one coefficient: Newton's steps by finite differences until nothing moves.
  held <- function(j, at) {
    b <- coef(fit); b[j] <- at
    for (i in 1:3) {
      o <- optim(b[-j], function(r) { z <- b; z[-j] <- r; -value(z) }, method = "BFGS",
                 control = list(reltol = 1e-16, maxit = 1000, parscale = pmax(abs(b[-j]), 0.1), ndeps = rep(1e-4, length(b) - 1)))
      b[-j] <- o$par
    }
    -o$value
  }
  top <- value(coef(fit)); error <- sqrt(diag(vcov(fit)))
  table_of(case, rename(names(coef(fit))), estimate = coef(fit), std_error = error)
  for (j in 2:length(coef(fit))) {
    name <- rename(names(coef(fit)))[j]
    put(case, name, "statistic", 2 * (top - held(j, 0)))
    fall <- function(at) 2 * (top - held(j, at)) - qchisq(0.95, 1)
    put(case, name, "conf_low", uniroot(fall, c(coef(fit)[j] - 6 * error[j], coef(fit)[j]), tol = 1e-9)$root)
    put(case, name, "conf_high", uniroot(fall, c(coef(fit)[j], coef(fit)[j] + 8 * error[j]), tol = 1e-9)$root)
  }
  rest <- drop(x[, -1] %*% coef(fit)[-1])
  put(case, "flic", "estimate", coef(suppressWarnings(glm(y ~ 1, offset = rest, weights = w, family = binomial, epsilon = 1e-15))))
}
pupils <- read("pupils")
firth("firth-pupils", GRADE ~ GPA + TUCE + PSI, pupils)
separating <- read("separating")
firth("firth-separating", yes ~ mark + dose, separating)
firth("firth-separating-weighted", yes ~ mark + dose, separating, separating$times)

# ---- ANCOVA -----------------------------------------------------------------------------------------------------------------
compare <- function(case, data, pre, post, group, further) {
  data$g <- data[[group]]; data$pre <- data[[pre]]; data$post <- data[[post]]; data$change <- data$post - data$pre
  more <- paste(c("", further), collapse = " + ")
  centred <- data; for (name in c("pre", further)) centred[[name]] <- data[[name]] - mean(data[[name]])
  lin <- paste0("post ~ g * (pre", more, ")")
  models <- list(post_only = lm(paste("post ~ g", more), data), change_score = lm(paste("change ~ g", more), data),
                 ancova = lm(paste("post ~ g + pre", more), centred), ancova_lin = lm(lin, centred))
  for (name in names(models)) {
    t <- coef_test(models[[name]], vcov = vcovCR(models[[name]], cluster = seq_len(nrow(data)), type = "CR2"), test = "Satterthwaite")
    df <- if (is.null(t$df)) t$df_Satt else t$df
    table_of(case, name, estimate = t["g", "beta"], std_error = t["g", "SE"], df = df[rownames(t) == "g"])
    if (name == "ancova_lin") table_of(case, "slopes_differ", estimate = t["g:pre", "beta"], std_error = t["g:pre", "SE"])
  }
  e <- lm_lin(post ~ g, as.formula(paste("~ pre", more)), data, se_type = "HC2")
  put(case, "lm_lin", "estimate", e$coefficients["g"]); put(case, "lm_lin", "std_error", e$std.error["g"])
  r <- cor(resid(lm(pre ~ g, data)), resid(lm(post ~ g, data)))
  put(case, "correlation", "estimate", r)
}
compare("ancova-workers", read("workers"), "re75", "re78", "treat", c("age", "black"))
wide <- merge(visits[visits$month == 0, c("who", "helped", "score")], visits[visits$month == 12, c("who", "score")], by = "who")
compare("ancova-visits", wide, "score.x", "score.y", "helped", character(0))

all <- do.call(rbind, out)
all$value <- trimws(formatC(all$value, digits = 17, format = "g"))
dir.create(file.path(here, "reference"), showWarnings = FALSE)
write.csv(all, file.path(here, "reference", "r.csv"), row.names = FALSE, quote = FALSE, eol = "\n")
