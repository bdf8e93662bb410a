"""The local stack: a real Kafka broker, a real Milvus and the services as child processes under one home folder."""
