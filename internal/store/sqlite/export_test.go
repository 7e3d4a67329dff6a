package sqlite

// Waiting is how many writes stand in line.
func Waiting(s *Store) int { return len(s.jobs) }
