// Package loop tests that make test-real may skip a part: a part whose files were green before would be green again.
package loop
