package lab

import (
	"encoding/binary"
	"os"
)

// Monitored is what a sink plays, as its monitor hears it: the samples of two
// channels in turn, as loud as they are (of one channel PipeWire makes √2 of it). On
// a busy machine it lags behind what is played.
type Monitored struct {
	lab  *Lab
	file *os.File
	p    *Process
	read int64 // bytes that Next has returned
}

// MonitorRate is how many samples of Monitored there are in a second.
const MonitorRate = 2 * 48000

// perMillisecond is how many bytes of 16-bit samples parec writes in one.
const perMillisecond = MonitorRate / 1000 * 2

// Monitor hears a sink from now on: something is recorded when it returns.
func (s *Sound) Monitor(sink string) *Monitored {
	s.lab.need("parec")
	file, err := os.CreateTemp(s.lab.Dir, sink+"-*.raw")
	if err != nil {
		s.lab.fail(err)
	}
	m := &Monitored{lab: s.lab, file: file}
	m.p = s.lab.Spawn("parec", "--raw", "--format=s16le", "--rate=48000", "--channels=2", "--latency-msec=20", "--device="+sink+".monitor", file.Name())
	s.lab.Until("the monitor of "+sink, func() bool { return m.Waiting() > 0 })
	return m
}

// Waiting is how many samples Next would return: of whole milliseconds.
func (m *Monitored) Waiting() int {
	info, err := m.file.Stat()
	if err != nil {
		m.lab.fail(err)
	}
	return int((info.Size() - m.read) / perMillisecond * perMillisecond / 2)
}

// Next returns what was recorded since the last call.
func (m *Monitored) Next() []int16 {
	b := make([]byte, 2*m.Waiting())
	if _, err := m.file.ReadAt(b, m.read); err != nil && len(b) > 0 {
		m.lab.fail(err)
	}
	m.read += int64(len(b))
	samples := make([]int16, len(b)/2)
	for i := range samples {
		samples[i] = int16(binary.LittleEndian.Uint16(b[2*i:]))
	}
	return samples
}

// Stop ends it.
func (m *Monitored) Stop() {
	m.p.Terminate()
	m.file.Close()
}
