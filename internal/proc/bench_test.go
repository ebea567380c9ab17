package proc

import (
	"os"
	"testing"
)

func BenchmarkOneProcess(b *testing.B) {
	fields := map[string]Fields{"stat": Stat, "status": Status, "cgroup": Cgroup, "exe": Link, "cmdline": Cmdline,
		"environ": Environ, "sandbox": Sandbox, "label": Label, "uts": UTS, "all": All}
	for name, f := range fields {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				New(FS("/proc")).Read(os.Getpid(), f)
			}
		})
	}
}

func BenchmarkInner(b *testing.B) {
	for b.Loop() {
		New(FS("/proc")).Inner(2)
	}
}
