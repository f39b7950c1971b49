"""The CLOB's APIs: public books, private orders and account, websockets."""
