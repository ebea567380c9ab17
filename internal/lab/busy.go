package lab

import (
	"os/exec"
	"slices"
	"sync"
	"time"
)

// InTime is whether it took no longer than the limit and Slack, measured on a
// machine that is as busy as when it was first asked for, or as it is now.
func InTime(took, limit time.Duration) bool {
	return took <= limit || took <= limit+Slack() || took <= limit+slackOf(start())
}

// Slack is what a busy machine may add to a limit of time: two seconds, and twenty
// times what it takes to start patoggle at all when it is first asked for.
func Slack() time.Duration { return slackOf(atFirst()) }

func slackOf(start time.Duration) time.Duration { return 2*time.Second + 20*start }

var atFirst = sync.OnceValue(start)

// start is the best time of three of patoggle when it says its version, 0 if it
// cannot be built: the test says why.
func start() time.Duration {
	file, err := Build("cmd/patoggle")
	if err != nil {
		return 0
	}
	best := time.Hour
	for range 3 {
		began := time.Now()
		_ = exec.Command(file, "--version").Run() // for its time alone
		best = min(best, time.Since(began))
	}
	return best
}

// Unhurried are arguments of patoggle with a timeout that no machine is too slow
// for, 20 seconds instead of two, unless they have one.
func Unhurried(args ...string) []string {
	if slices.Contains(args, "--timeout") {
		return args
	}
	return append([]string{"--timeout", "20s"}, args...)
}
