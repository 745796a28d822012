"""What was known of each subject at each prediction time: features, and the matrix they make."""
