package serve

import (
	"embed"
	"io/fs"
	"net/http"
)

// The page is three hand-written files. It loads nothing from elsewhere.
//
//go:embed page
var pageFiles embed.FS

// page serves the page. It holds no memories: what it shows it asks the API for, as any client does.
func page() http.Handler {
	files, err := fs.Sub(pageFiles, "page")
	if err != nil {
		panic(err) // the folder is embedded
	}
	static := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := fs.Stat(files, r.URL.Path[1:])
		if (err != nil && r.URL.Path != "/") || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
			refuse(http.StatusNotFound, "unknown_url", "there is nothing at this address").write(w)
			return
		}
		w.Header().Set("Cache-Control", "no-cache")
		static.ServeHTTP(w, r)
	})
}
