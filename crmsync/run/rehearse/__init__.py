"""What would it do? Cases, drawn records, labels, recorded records and runs, without any system."""
