package stabilitygrpc

import "encoding/binary"

// HTTP/2 (RFC 9113), as much of it as is looked at.
const (
	headerSize = 9

	frameHeaders  = 0x1
	frameSettings = 0x4
	frameGoAway   = 0x7
	flagAck       = 0x1
	flagEndStream = 0x1

	settingMaxStreams = 0x3

	codeNo              = 0x0
	codeEnhanceYourCalm = 0xb
)

// keptPayload is how much of a frame's payload is looked at: settings and the reason of a GOAWAY fit in easily.
const keptPayload = 256

// scanner follows the frames that a server sends, through the bytes of its stream as they come, and looks into those that
// matter. The zero scanner stands at the beginning of a stream. It allocates once.
type scanner struct {
	header  [headerSize]byte
	have    int // bytes of the header
	left    int // bytes of the payload still to come
	payload []byte

	answered bool // the end of a stream has come, as with every answer

	settings func(maxStreams uint32)
	goAway   func(reason)
}

// scan takes the next bytes of the stream.
func (s *scanner) scan(p []byte) {
	for len(p) > 0 {
		if s.have < headerSize {
			n := copy(s.header[s.have:], p)
			s.have += n
			p = p[n:]
			if s.have < headerSize {
				return
			}
			s.left = int(s.header[0])<<16 | int(s.header[1])<<8 | int(s.header[2])
			s.payload = s.payload[:0]
		}
		n := min(s.left, len(p))
		if room := keptPayload - len(s.payload); s.interesting() && room > 0 {
			s.payload = append(s.payload, p[:min(n, room)]...)
		}
		s.left -= n
		p = p[n:]
		if s.left == 0 {
			s.look()
			s.have = 0
		}
	}
}

// between reports whether the next byte begins a frame.
func (s *scanner) between() bool { return s.have == 0 }

func (s *scanner) interesting() bool {
	return s.header[3] == frameSettings || s.header[3] == frameGoAway
}

// look looks into a complete frame.
func (s *scanner) look() {
	switch s.header[3] {
	case frameHeaders:
		s.answered = s.answered || s.header[4]&flagEndStream != 0
	case frameSettings:
		for p := s.payload; s.header[4]&flagAck == 0 && len(p) >= 6; p = p[6:] {
			if binary.BigEndian.Uint16(p) == settingMaxStreams {
				s.settings(binary.BigEndian.Uint32(p[2:]))
			}
		}
	case frameGoAway:
		if len(s.payload) >= 8 {
			s.goAway(reasonOf(binary.BigEndian.Uint32(s.payload[4:]), string(s.payload[8:])))
		}
	}
}

// reason is why a server wants a connection gone.
type reason uint8

const (
	// tooManyPings: the client pings more often than the server permits.
	tooManyPings reason = iota
	// enhanceYourCalm: the client does too much of something else.
	enhanceYourCalm
	// graceful: the server ends, or the connection has reached its age.
	graceful
	// protocolError is every other code.
	protocolError
	reasonCount
)

var reasonNames = [reasonCount]string{"too_many_pings", "enhance_your_calm", "graceful", "error"}

func reasonOf(code uint32, debug string) reason {
	switch {
	case code == codeEnhanceYourCalm && debug == reasonNames[tooManyPings]:
		return tooManyPings
	case code == codeEnhanceYourCalm:
		return enhanceYourCalm
	case code == codeNo:
		return graceful
	}
	return protocolError
}

// goAwayFrame returns a GOAWAY as a server sends it that processed everything: no stream is to be tried again unasked.
func goAwayFrame(code uint32, debug string) []byte {
	frame := make([]byte, headerSize+8, headerSize+8+len(debug))
	frame[1], frame[2] = byte((8+len(debug))>>8), byte(8+len(debug))
	frame[3] = frameGoAway
	binary.BigEndian.PutUint32(frame[headerSize:], 1<<31-1)
	binary.BigEndian.PutUint32(frame[headerSize+4:], code)
	return append(frame, debug...)
}
