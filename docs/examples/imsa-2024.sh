#!/bin/sh
# Build the IMSA season of 2024 from the folder of its files: sh imsa-2024.sh FOLDER
set -e
lapstream season new imsa-2024 --title "IMSA 2024" --series "IMSA SportsCar Championship" --rules imsa-2024 --classes GTP,LMP2,GTDPRO,GTD --rounds "Daytona 24:00,Sebring 12:00,Long Beach 1:40 [GTP GTD],Laguna Seca 2:40 [GTP GTDPRO GTD],Detroit 1:40 [GTP GTDPRO],Watkins Glen 6:00,Mosport 2:40 [LMP2 GTDPRO GTD],Road America 2:40,Virginia 2:40 [GTDPRO GTD],Indianapolis 6:00,Petit Le Mans 10:00"
n=0 # Daytona qualified at the Roar before it (01), and its race has a result only
for round in "01 02" "05 05" "06 06" "08 08" "09 09" "12 12" "13 13" "14 14" "15 15" "17 17" "19 19"; do n=$((n + 1))
    bring() { lapstream import alkamel $(ls "$1"/$2-*/*-$3-laps.csv 2>&-) --results "$1"/$2-*/*-$3-results.csv --session $3-$n --rules imsa-2024 --season imsa-2024 --round $n; }
    bring "$1" ${round% *} qualifying && bring "$1" ${round#* } race
done
for car in "qualifying-10 77" "race-10 6" "race-10 40"; do lapstream penalty impose $car back-of-class --reason "technical inspection"; done
lapstream season add imsa-2024 $(for n in 1 2 3 4 5 6 7 8 9 10 11; do echo qualifying-$n race-$n; done)
