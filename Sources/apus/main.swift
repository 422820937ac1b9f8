import ArgumentParser
import Commands

await Apus.main()
