package x11

import "encoding/binary"

// Requests as bytes: those that leave before the library has its connection,
// and those of extensions the library has no safe way to. Of the latter each
// needs the extension's major opcode.

// internAtom asks for an atom, which is made when there is none (X11 protocol,
// InternAtom).
func internAtom(name string) []byte { return nameRequest(16, name) }

// queryExtension asks whether there is an extension (X11 protocol,
// QueryExtension).
func queryExtension(name string) []byte { return nameRequest(98, name) }

// nameRequest is a request that is only a name, behind a byte that is 0.
func nameRequest(opcode byte, name string) []byte {
	b := make([]byte, 8+pad4(len(name)))
	b[0] = opcode
	binary.LittleEndian.PutUint16(b[2:], uint16(len(b)/4))
	binary.LittleEndian.PutUint16(b[4:], uint16(len(name)))
	copy(b[8:], name)
	return b
}

// localClientPID asks QueryClientIds for the pid (X-Resource 1.2, section 4).
const localClientPID = 2

// clientIDSpecs is how many clients one QueryClientIds asks for: it stays far
// below the shortest "maximum request length" a server may have (16 KiB).
const clientIDSpecs = 1024

// queryClientIDs asks for the pids behind resource ids (X-Resource 1.2, minor
// opcode 4). An id of 0 would ask for every client: the caller leaves it out.
func queryClientIDs(major byte, ids []uint32) []byte {
	b := make([]byte, 8+8*len(ids))
	b[0], b[1] = major, 4
	binary.LittleEndian.PutUint16(b[2:], uint16(len(b)/4))
	binary.LittleEndian.PutUint32(b[4:], uint32(len(ids)))
	for i, id := range ids {
		binary.LittleEndian.PutUint32(b[8+8*i:], id)
		binary.LittleEndian.PutUint32(b[12+8*i:], localClientPID)
	}
	return b
}

// getScreenResourcesCurrent asks for the outputs the server knows already
// (RandR 1.3, minor opcode 25).
func getScreenResourcesCurrent(major byte, root WindowID) []byte {
	b := []byte{major, 25, 2, 0, 0, 0, 0, 0}
	binary.LittleEndian.PutUint32(b[4:], uint32(root))
	return b
}

// getOutputInfo asks for one output (RandR 1.2, minor opcode 9).
func getOutputInfo(major byte, output uint32) []byte {
	b := []byte{major, 9, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	binary.LittleEndian.PutUint32(b[4:], output)
	return b
}
