package dashboard

import "embed"

// built is what the front end's build left in dist. A checkout has a placeholder there, so that the server can be built
// without Node.
//
//go:embed all:dist
var built embed.FS
