# Runs one task as often as asked, for benchmarks/survival.py: reads "run k" from standard input, answers "TIME seconds" (mean of k)
# and "VALUE numbers". Arguments: task, binary file of doubles by column, rows, column names with commas.
suppressMessages(library(survival))
args <- commandArgs(trailingOnly = TRUE)
task <- args[1]; n <- as.integer(args[3]); names <- strsplit(args[4], ",")[[1]]
frame <- as.data.frame(matrix(readBin(args[2], "double", n * length(names)), n)); names(frame) <- names
frame$event <- as.integer(frame$cause == 1); frame$exit <- factor(frame$cause, 0:3, c("censored", "one", "two", "three"))
covariates <- paste0("x", 0:9, collapse = " + ")
form <- as.formula(paste("Surv(time, event) ~", covariates))
counting <- as.formula(paste("Surv(start, time, event) ~", covariates))
kept <- as.formula(paste("Surv(fgstart, fgstop, fgstatus) ~", covariates))
coefs <- function(fit) c(coef(fit), sqrt(diag(fit$var)))
run <- switch(task,
  cox = function() coxph(form, data = frame),
  counting = function() coxph(counting, data = frame),
  cluster = function() coxph(form, data = frame, cluster = cluster),
  kaplan_meier = function() survfit(Surv(time, event) ~ 1, data = frame, conf.type = "log-log"),
  aalen_johansen = function() survfit(Surv(time, exit) ~ 1, data = frame),
  fine_gray = function() coxph(kept, weights = fgwt, data = finegray(Surv(time, exit) ~ ., data = frame[, c(paste0("x", 0:9), "time", "exit")], etype = "one")),
  bootstrap = function() {
    medians <- numeric(1000)
    for (i in 1:1000) {
      rows <- sample.int(n, n, replace = TRUE)
      medians[i] <- quantile(survfit(Surv(frame$time[rows], frame$cause[rows] > 0) ~ 1, se.fit = FALSE), 0.5, conf.int = FALSE)
    }
    medians
  })
read <- switch(task,
  kaplan_meier = function(fit) c(tail(fit$surv, 1), tail(fit$std.err, 1) * tail(fit$surv, 1)),
  aalen_johansen = function(fit) c(tail(fit$pstate, 1)[-1], tail(fit$std.err, 1)[-1]),
  fine_gray = function(fit) coef(fit),
  bootstrap = function(medians) sd(medians),
  coefs)
input <- file("stdin", "r")
while (length(line <- readLines(input, 1)) > 0) {
  k <- as.integer(strsplit(line, " ")[[1]][2])
  start <- Sys.time(); for (i in seq_len(k)) made <- run(); took <- as.numeric(difftime(Sys.time(), start, units = "secs")) / k
  cat("TIME", sprintf("%.9g", took), "\n"); cat("VALUE", sprintf("%.15g", read(made)), "\n"); flush(stdout())
}
