"""What those who write agents work with: agents listed, drawn and tested, and programs that decide for them."""
