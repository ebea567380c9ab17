package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// figures are what was measured on one desktop.
type figures struct {
	desktop  string
	server   string
	size     size
	load     []string // before and after
	oneShots []series
	presses  []series
	peak     int    // of the one-shot's memory, in KiB
	calls    int    // system calls of one toggle
	counted  string // strace's table of them
	// resident and residentPeak are the daemon's memory, in KiB.
	resident, residentPeak int
	rest                   *idle // nil when not watched
}

// report is everything that was measured.
type report struct {
	options
	began   time.Time
	figures []*figures
}

func newReport(o options) *report { return &report{options: o, began: time.Now()} }

// text is the report for people, in Markdown.
func (r *report) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d rounds after %d to warm up. %s.\n", r.began.Format("2006-01-02 15:04"), r.rounds, r.warmUp, machine())
	var loads []string
	for _, f := range r.figures {
		loads = append(loads, fmt.Sprintf("%s: %s", f.desktop, strings.Join(f.load, " to ")))
	}
	fmt.Fprintf(&b, "Load: %s.\n", strings.Join(loads, "; "))

	head := []string{"median, ms (times the one-shot's)"}
	for _, f := range r.figures {
		head = append(head, f.desktop)
	}
	b.WriteString("\nFrom start to exit:\n\n")
	b.WriteString(r.medians(head, func(f *figures) []series { return f.oneShots }, patoggle))
	b.WriteString("\nThe figures to reach:\n\n")
	b.WriteString(table(append([][]string{append([]string{"what", "to reach"}, head[1:]...)}, r.goals()...)))
	if len(r.figures) > 0 && r.figures[0].presses != nil {
		head[0] = "ms: median (99 %, longest)"
		b.WriteString("\nFrom the key press to the change event another client gets:\n\n")
		rows := [][]string{head}
		for _, name := range []string{viaDaemon, viaSxhkd, listsMove, bareMove} {
			row := []string{name}
			for _, f := range r.figures {
				s := find(f.presses, name)
				row = append(row, fmt.Sprintf("%s%s (%s, %s)", s.failures(), millis(s.median()), millis(s.quantile(0.99)), millis(s.quantile(1))))
			}
			rows = append(rows, row)
		}
		b.WriteString(table(rows))
	}
	return b.String()
}

// medians has a row for each contender, with its ratio to the one named.
func (r *report) medians(head []string, of func(*figures) []series, to string) string {
	rows := [][]string{head}
	if len(r.figures) == 0 {
		return ""
	}
	for i, c := range of(r.figures[0]) {
		row := []string{c.name}
		for _, f := range r.figures {
			s := of(f)[i]
			cell := s.failures() + millis(s.median())
			if s.name != to {
				cell += fmt.Sprintf(" (%.2f)", ratio(s, find(of(f), to)))
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return table(rows)
}

// goals has a row for each figure of the project's own, beside what was
// measured. "-" is where it says nothing, or nothing was measured.
func (r *report) goals() [][]string {
	row := func(what, goal string, cell func(*figures) string) []string {
		cells := []string{what, goal}
		for _, f := range r.figures {
			text := cell(f)
			if text == "" {
				text = "-"
			}
			cells = append(cells, text)
		}
		return cells
	}
	mib := func(kib int) string {
		if kib == 0 {
			return ""
		}
		return fmt.Sprintf("%.1f MB", float64(kib)*1024/1e6)
	}
	against := func(other string) func(*figures) string {
		return func(f *figures) string {
			return fmt.Sprintf("%.3f", ratio(find(f.oneShots, patoggle), find(f.oneShots, other)))
		}
	}
	rows := [][]string{
		row("one-shot / script", "0.07; pipewire 0.25", against(script)),
		row("one-shot / lean script", "-", against(lean)),
		row("one-shot / limit program", "2.2 on PulseAudio, small", against(limit)),
		row("one-shot with 1,000 rules / without", "1", func(f *figures) string {
			return fmt.Sprintf("%.3f", ratio(find(f.oneShots, withRules), find(f.oneShots, patoggle)))
		}),
		row("one-shot, large / small", "3", func(f *figures) string {
			for _, s := range r.figures {
				if f.size == large && s.size == small && s.server == f.server {
					return fmt.Sprintf("%.2f", ratio(find(f.oneShots, patoggle), find(s.oneShots, patoggle)))
				}
			}
			return ""
		}),
		row("daemon / sxhkd + one-shot", "0.5", func(f *figures) string {
			if f.presses == nil {
				return ""
			}
			return fmt.Sprintf("%.3f", ratio(find(f.presses, viaDaemon), find(f.presses, viaSxhkd)))
		}),
		row("daemon / lists and a move", "-", func(f *figures) string {
			if f.presses == nil {
				return ""
			}
			return fmt.Sprintf("%.3f", ratio(find(f.presses, viaDaemon), find(f.presses, listsMove)))
		}),
		row("daemon, median", "2 ms", func(f *figures) string {
			if f.presses == nil {
				return ""
			}
			return millis(find(f.presses, viaDaemon).median()) + " ms"
		}),
		row("one-shot, peak memory", "12 MB", func(f *figures) string { return mib(f.peak) }),
		row("daemon with four keys, resident", "16 MB", func(f *figures) string { return mib(f.resident) }),
		row("daemon at rest", "0 ticks", func(f *figures) string {
			if f.rest == nil {
				return ""
			}
			return fmt.Sprintf("%d ticks, %d switches in %v", f.rest.ticks, f.rest.switches, f.rest.time)
		}),
		row("one-shot, system calls", "counted", func(f *figures) string {
			if f.calls == 0 {
				return ""
			}
			return fmt.Sprint(f.calls)
		}),
	}
	for _, p := range []struct{ name, file string }{{patoggle, r.programs.patoggle}, {viaDaemon, r.programs.patoggled}} {
		info, err := os.Stat(p.file)
		if err == nil {
			rows = append(rows, []string{"size of " + p.name, "6 MB", fmt.Sprintf("%.2f MB", float64(info.Size())/1e6)})
		}
	}
	return rows
}

// save writes the report, every sample and strace's tables.
func (r *report) save(text string) error {
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(r.out, "report.md"), []byte(text), 0o644); err != nil {
		return err
	}
	var samples, calls strings.Builder
	samples.WriteString("server\tsinks\tstreams\tcontender\tround\tmicroseconds\n")
	for _, f := range r.figures {
		for _, s := range append(f.oneShots[:len(f.oneShots):len(f.oneShots)], f.presses...) {
			for i, d := range s.samples {
				fmt.Fprintf(&samples, "%s\t%d\t%d\t%s\t%d\t%.1f\n", f.server, f.size.sinks, f.size.streams, s.name, i+1, float64(d.Nanoseconds())/1e3)
			}
		}
		if f.counted != "" {
			fmt.Fprintf(&calls, "%s\n\n%s\n", f.desktop, f.counted)
		}
	}
	if err := os.WriteFile(filepath.Join(r.out, "samples.tsv"), []byte(samples.String()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(r.out, "syscalls.txt"), []byte(calls.String()), 0o644)
}

// machine describes processor, memory, kernel and Go.
func machine() string {
	model, memory := "", ""
	for file, f := range map[string]func(string){
		"/proc/cpuinfo": func(line string) {
			if name, ok := strings.CutPrefix(line, "model name"); ok && model == "" {
				model = strings.TrimLeft(name, " \t:")
			}
		},
		"/proc/meminfo": func(line string) {
			if kib := statusField(line, "MemTotal:"); kib > 0 {
				memory = fmt.Sprintf("%.0f GiB", float64(kib)/(1<<20))
			}
		},
	} {
		if r, err := os.Open(file); err == nil {
			for s := bufio.NewScanner(r); s.Scan(); {
				f(s.Text())
			}
			r.Close()
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("%d × %s, %s, Linux %s, %s", runtime.NumCPU(), model, memory, strings.TrimSpace(string(kernel)), runtime.Version())
}
