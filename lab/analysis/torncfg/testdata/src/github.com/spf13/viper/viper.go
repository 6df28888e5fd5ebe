package viper

func WatchConfig()            {}
func GetString(string) string { return "" }
