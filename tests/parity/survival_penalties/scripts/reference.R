# Reference numbers with R: survival's frailty() and ridge(), glmnet. Run from the root of the repository.
suppressMessages({library(survival); library(glmnet)})
here <- "tests/parity/survival_penalties"; shared <- "tests/parity/survival/inputs"
out <- function(d, name) write.csv(format(d, digits = 15, trim = TRUE), file.path(here, "reference", paste0(name, ".csv")), row.names = FALSE, quote = FALSE)
tight <- coxph.control(eps = 1e-14, iter.max = 200, outer.max = 200, toler.chol = 1e-15)
sites <- read.csv(file.path(here, "inputs/sites.csv")); episodes <- read.csv(file.path(here, "inputs/episodes.csv")); many <- read.csv(file.path(here, "inputs/many.csv"))
rossi <- read.csv(file.path(shared, "rossi.csv")); ties <- read.csv(file.path(shared, "ties.csv")); changing <- read.csv(file.path(shared, "changing.csv"))
ties$event <- as.integer(ties$cause == 1)
repeated <- sites[rep(seq_len(nrow(sites)), sites$count), ]

models <- list(
  sites = list(sites, "Surv(start, stop, event) ~ x + helped", "site", "efron"),
  strata = list(sites, "Surv(start, stop, event) ~ x + helped + strata(region)", "site", "efron"),
  breslow = list(sites, "Surv(start, stop, event) ~ x + helped", "site", "breslow"),
  counted = list(repeated, "Surv(start, stop, event) ~ x + helped", "site", "efron"),
  episodes = list(episodes, "Surv(start, stop, event) ~ arm + x", "id", "efron"),
  changing = list(changing, "Surv(start, stop, event) ~ arm + x", "id", "efron"),
  rossi = list(rossi, "Surv(week, arrest) ~ fin + prio", "age", "efron"),
  ties = list(ties, "Surv(time, event) ~ age + sex", "cluster", "efron")
)
fixed <- best <- clusters <- NULL
for (name in names(models)) for (law in c("gamma", "gaussian")) {
  m <- models[[name]]; d <- m[[1]]
  ask <- function(rest) suppressWarnings(coxph(as.formula(paste0(m[[2]], " + frailty.", law, "(", m[[3]], ", sparse = FALSE, ", rest, ")")), data = d, ties = m[[4]], control = tight))
  f <- ask("theta = 0.6")
  levels <- sort(unique(d[[m[[3]]]])); k <- length(levels); p <- length(coef(f)) - (if (law == "gamma") 0 else 0)
  b <- coef(f); frail <- grepl("^(gamma|gauss):", names(b)); v <- f$var; v2 <- f$var2
  plain <- which(!frail)
  if (!any(frail)) { w <- f$frail; se_w <- rep(NA, k); at <- 1:length(b); if (nrow(v) > length(b)) at <- 1:length(b) } else { w <- b[frail]; se_w <- sqrt(diag(v))[which(frail)]; at <- plain }
  fixed <- rbind(fixed, data.frame(model = name, law = law, term = names(b)[plain], estimate = unname(b[plain]), std_error = sqrt(diag(v))[at], second = sqrt(diag(v2))[at], partial = f$loglik[2],
    marginal = if (law == "gamma") f$history[[1]]$c.loglik else NA))
  if (name %in% c("sites", "episodes")) clusters <- rbind(clusters, data.frame(model = name, law = law, cluster = levels, estimate = unname(w), std_error = unname(se_w)))
  g <- ask(if (law == "gamma") "method = 'em', eps = 1e-14" else "method = 'reml'")
  h <- g$history[[1]]
  best <- rbind(best, data.frame(model = name, law = law, theta = h$theta, marginal = if (law == "gamma") h$c.loglik else NA, null = f$loglik[1], first = unname(coef(g)[plain][1])))
}
out(fixed, "fixed"); out(best, "best"); out(clusters, "clusters")

# ---- ridge
ridged <- NULL
x <- paste0("x", 1:25)
for (theta in c(3, 30)) for (scale in c(FALSE, TRUE)) for (t in c("efron", "breslow")) {
  f <- coxph(as.formula(paste0("Surv(time, event) ~ ridge(", paste(x, collapse = ", "), ", theta = ", theta, ", scale = ", scale, ")")), many, ties = t, control = tight)
  ridged <- rbind(ridged, data.frame(data = "many", theta = theta, scale = scale, ties = t, term = x, estimate = unname(coef(f)), std_error = sqrt(diag(f$var)), df = f$df, partial = f$loglik[2]))
}
f <- coxph(Surv(start, stop, event) ~ ridge(x, arm, theta = 5, scale = FALSE) + strata(site), changing, control = tight)
ridged <- rbind(ridged, data.frame(data = "changing", theta = 5, scale = FALSE, ties = "efron", term = c("x", "arm"), estimate = unname(coef(f)), std_error = sqrt(diag(f$var)), df = f$df, partial = f$loglik[2]))
out(ridged, "ridge")

# ---- glmnet: Breslow's ties, lambda times n is our penalty
drawn <- NULL
mx <- as.matrix(many[, x])
for (alpha in c(1, 0.5, 0.1)) for (lambda in c(0.15, 0.05, 0.01)) for (standardize in c(TRUE, FALSE)) for (w in c("none", "weight")) {
  g <- glmnet(mx, Surv(many$time, many$event), family = "cox", alpha = alpha, lambda = lambda, standardize = standardize, thresh = 1e-24, maxit = 1e8,
    weights = if (w == "none") rep(1, nrow(many)) else 1 + (many$weight > 1))
  drawn <- rbind(drawn, data.frame(alpha = alpha, lambda = lambda, standardize = standardize, weights = w, term = x, estimate = as.vector(coef(g))))
}
out(drawn[drawn$estimate != 0 | TRUE, ], "glmnet")
