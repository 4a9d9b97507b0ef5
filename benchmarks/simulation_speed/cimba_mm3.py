"""M/M/3 in cimba, run in the environment in which cimba is installed: python cimba_mm3.py runs days load.

Prints, after one run to compile, the seconds, events and mean wait (by Little's law) of each run.
"""

import sys
import time

import cimba as cb
import numpy as np
from cimba import inputs


def main(runs: int, days: float, load: float) -> None:
    """Time run after run of one trial."""

    class Desk(cb.Model):
        gap: cb.Input[float] = inputs.dist.exponential(mean=1 / (3 * load))
        service: cb.Input[float] = inputs.dist.exponential(mean=1.0)
        queue: cb.Container
        mean_queue: cb.Output[float]

        @cb.process
        def arrivals(self):
            while True:
                cb.hold(self.gap.next())
                self.queue.put(1)

        @cb.process
        def first(self):
            while True:
                self.queue.get(1)
                cb.hold(self.service.next())

        @cb.process
        def second(self):
            while True:
                self.queue.get(1)
                cb.hold(self.service.next())

        @cb.process
        def third(self):
            while True:
                self.queue.get(1)
                cb.hold(self.service.next())

        @cb.on_end
        def measure(self):
            self.mean_queue = self.queue.mean_level()

    model = Desk()
    for seed in range(runs + 1):
        trial = cb.Experiment(model, replications=1, window=cb.Window(duration=days), seed=seed + 1)
        start = time.process_time()
        results = trial.run()
        seconds = time.process_time() - start
        level = float(np.ravel(results[model].mean_queue.values)[0])
        if seed:
            print(seconds, 2 * 3 * load * days, level / (3 * load))


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
