package main

import (
	"context"

	"github.com/patoggle/patoggle/internal/notify"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
)

// notify shows the report, or why there is none, as a desktop notification.
// A desktop that shows none is a thing to know with -v, never a failure. It
// waits for notify.Limit at most.
func (a *app) notify(rep *toggle.Report, err error) {
	n := notify.New(a.getenv)
	defer n.Close()
	note := notify.Note{Summary: rep.Headline(err), Body: rep.Details(err), Icon: rep.Icon(), Replace: "patoggle"}
	if nerr := n.Send(context.Background(), note); nerr != nil && a.verbose {
		say(a.stderr, "warning", "no notification: "+term.Escape(nerr.Error()))
	}
}
