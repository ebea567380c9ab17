package daemon

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// settled is how long a configuration file has to be left alone before
	// it is read: an editor writes it in several steps.
	settled = 100 * time.Millisecond
	// patientWith is how long a file that is written again and again is
	// waited for.
	patientWith = time.Second
)

// watch calls changed after the file at the path was written, replaced,
// removed or put there, once the dust has settled, until the context ends.
// It watches folders, since an editor puts a new file in the place of the old
// one; where a folder is missing, the nearest one above it; and where the path
// is a link, the folder of what it leads to as well.
func watch(ctx context.Context, path string, changed func()) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer w.Close()
	var places []place
	follow := func() {
		places = placesOf(path)
		for _, old := range w.WatchList() {
			if !slices.ContainsFunc(places, func(p place) bool { return p.folder == old }) {
				_ = w.Remove(old)
			}
		}
		for _, p := range places {
			// Adding a folder again is nothing; one that has gone meanwhile
			// was an event of the one above it.
			_ = w.Add(p.folder)
		}
	}
	follow()
	due := time.NewTimer(0)
	<-due.C
	defer due.Stop()
	var first time.Time // of the changes that wait; zero: none waits
	for {
		select {
		case <-ctx.Done():
			return nil
		case _, ok := <-w.Errors:
			// Events were lost, or a folder has gone: look again.
			if !ok {
				return nil
			}
		case e, ok := <-w.Events:
			if !ok {
				return nil
			}
			if !concerns(places, e) {
				continue
			}
		case <-due.C:
			first = time.Time{}
			follow()
			changed()
			continue
		}
		now := time.Now()
		if first.IsZero() {
			first = now
		}
		due.Reset(min(settled, first.Add(patientWith).Sub(now)))
	}
}

// place is a folder to watch and the entry of it that matters.
type place struct{ folder, entry string }

// placesOf lists what to watch for a path: its folder, or the nearest one that
// exists, and the same for every link on the way.
func placesOf(path string) []place {
	var places []place
	for range 8 { // as many links as are followed
		path = filepath.Clean(path)
		folder, entry := filepath.Dir(path), path
		for !isFolder(folder) && folder != filepath.Dir(folder) {
			folder, entry = filepath.Dir(folder), folder
		}
		places = append(places, place{folder, entry})
		target, err := os.Readlink(path)
		if err != nil {
			break
		}
		if !filepath.IsAbs(target) {
			target = filepath.Join(filepath.Dir(path), target)
		}
		path = target
	}
	return places
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// concerns tells whether an event is about one of the places. That somebody
// merely changed a time or a mode is of no interest, but making a file
// readable is.
func concerns(places []place, e fsnotify.Event) bool {
	name := filepath.Clean(e.Name)
	for _, p := range places {
		if name == p.entry || name == p.folder && e.Has(fsnotify.Remove|fsnotify.Rename) {
			return true
		}
	}
	return false
}
