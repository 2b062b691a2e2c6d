"""What is taken back, left alone, or held because it is written back and forth?"""
