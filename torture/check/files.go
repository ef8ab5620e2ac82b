package check

// FileFact is a file that the server acknowledged, and what became of it.
type FileFact struct {
	ID      string
	Deleted bool // its removal was acknowledged
	Found   bool // the server has its content
	Same    bool // and that is the content that was sent
}

// The rules for files.
const (
	FileLost    = "file_lost"    // G1: an acknowledged file, or one that an output names, is gone
	FileChanged = "file_changed" // G1: it has another content
	FileKept    = "file_kept"    // G1: its removal was acknowledged, and it is there
)

// files checks what became of files.
func (v *Verdict) files(e *Evidence) {
	v.Files += len(e.Files)
	for _, f := range e.Files {
		switch {
		case f.Deleted && f.Found:
			v.fail(FileKept, "%s", f.ID)
		case !f.Deleted && !f.Found:
			v.fail(FileLost, "%s", f.ID)
		case !f.Deleted && !f.Same:
			v.fail(FileChanged, "%s", f.ID)
		}
	}
}
