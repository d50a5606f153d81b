package serve_test

func child() bool { return false }
