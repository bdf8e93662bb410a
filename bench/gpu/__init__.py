"""What a GPU gives: `python -m bench.gpu`. It needs torch, and neither Kafka nor Milvus."""
