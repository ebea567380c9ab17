package main

import (
	"image/png"
	"os"
	"testing"
)

func TestThePicturesAreThereAndSmall(t *testing.T) {
	for _, name := range []string{"list.png", "notification.png", "press.png", "top.png", "bar.png"} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		picture, err := png.Decode(f)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		info, err := f.Stat()
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > largest || picture.Bounds().Dx() > 1000 || picture.Bounds().Dx() < 100 {
			t.Errorf("%s has %d bytes and is %v", name, info.Size(), picture.Bounds())
		}
	}
}
