package broken
func f( {
	return 1 +
}
