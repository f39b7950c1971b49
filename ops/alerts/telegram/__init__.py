"""The Telegram bot: it tells alerts, and takes commands from the chats that may give them."""
