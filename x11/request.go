package x11

import "encoding/binary"

// Requests of extensions the library has no safe way to, as bytes. Each needs
// the extension's major opcode.

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
