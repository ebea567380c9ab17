package main

import (
	"context"
	"time"

	"github.com/patoggle/patoggle/internal/notify"
	"github.com/patoggle/patoggle/internal/term"
	"github.com/patoggle/patoggle/internal/toggle"
)

// notifyTimeout bounds a notification of the one-shot: a key press does not
// wait for a desktop that has nothing to show it.
const notifyTimeout = 200 * time.Millisecond

// notify shows the report, or why there is none, as a desktop notification.
// A desktop that shows none is a thing to know, never a failure.
func (a *app) notify(rep *toggle.Report, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), notifyTimeout)
	defer cancel()
	n := notify.New(a.getenv)
	defer n.Close()
	note := notify.Note{Summary: rep.Headline(err), Body: rep.Details(err), Icon: rep.Icon(), Replace: "patoggle"}
	if nerr := n.Send(ctx, note); nerr != nil && !a.quiet {
		say(a.stderr, "warning", "no notification: "+term.Escape(nerr.Error()))
	}
}
